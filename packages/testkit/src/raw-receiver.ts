import { createServer, type Socket } from "node:net";

import { portOf } from "./port-of.ts";

export interface RawReceiver {
  readonly port: number;
  /** How many connections there were, and how many bytes came over them. */
  readonly seen: { connections: number; bytes: number };
  close(): Promise<void>;
}

/**
 * A receiver that speaks no HTTP: it hands over each connection when the first bytes of a request
 * have come, or at once with `greet`, and the test answers byte by byte.
 */
export async function startRawReceiver(
  answer: (socket: Socket) => unknown,
  { greet = false, host = "127.0.0.1" } = {},
): Promise<RawReceiver> {
  const sockets = new Set<Socket>();
  const seen = { connections: 0, bytes: 0 };
  const server = createServer((socket) => {
    sockets.add(socket);
    seen.connections += 1;
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    socket.on("data", (chunk) => (seen.bytes += chunk.length));
    if (greet) answer(socket);
    else socket.once("data", () => answer(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return {
    port: portOf(server),
    seen,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
