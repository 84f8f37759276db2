import { Socket } from "node:net";

/**
 * The sockets of a pool, by when each last said something. A connection whose other side is gone
 * without a word looks idle and well; when one is found dead, those that were silent as long are not
 * to be trusted either, or every one of them would cost its own timeout.
 */
export class SilentSockets {
  readonly #heardAt = new Map<Socket, number>();

  /** A new socket, known until it closes. */
  open(): Socket {
    const socket = new Socket();
    const hear = () => this.#heardAt.set(socket, performance.now());
    hear();
    socket.on("data", hear);
    socket.once("close", () => this.#heardAt.delete(socket));
    return socket;
  }

  /** Closes every socket that has said nothing for at least `ms` milliseconds. */
  closeSilentFor(ms: number): void {
    const before = performance.now() - ms;
    for (const [socket, heardAt] of this.#heardAt) if (heardAt <= before) socket.destroy();
  }
}
