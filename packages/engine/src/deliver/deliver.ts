import type { OutgoingRequest } from "@omnistore/domain/delivery-wire";
import { RESPONSE_CAPTURE_BYTES } from "@omnistore/domain/message/limits";
import { canonicalHeaderName } from "@omnistore/domain/message/header-names";
import type { HeaderMap } from "@omnistore/domain/message/message";
import type { AttemptResult } from "@omnistore/domain/record/attempt-result";
import type { Dispatcher } from "undici";

import { describeTransportError } from "./describe-transport-error.ts";
import type { HttpClient } from "./http-client.ts";

export interface DeliverOptions {
  readonly client: HttpClient;
  /** The whole attempt, from look-up to the last byte of the answer. */
  readonly timeoutMs: number;
  /** The rest of a longer response body is not read. */
  readonly captureBytes: number;
  /**
   * Asked once when more than `RESPONSE_CAPTURE_BYTES` of an answer are to be kept, with how many. No
   * more is read until it resolves, and none at all when it resolves with false. By default there is room.
   */
  readonly askRoom?: (bytes: number) => Promise<boolean>;
  /**
   * Asked at the last moment, when there is a connection and the first byte is about to go out: to
   * look a name up and to connect may have taken seconds. By default any moment is right.
   */
  readonly mayStart?: () => boolean;
}

/** What came of an attempt; `unsent` when it was too late to start, and nothing went out. */
type Delivered = AttemptResult | { readonly kind: "unsent" };

/** Makes one attempt. Never rejects: whatever happens is the attempt's result. */
export function deliver(request: OutgoingRequest, options: DeliverOptions): Promise<Delivered> {
  return new Promise((resolve) => {
    const attempt = new Attempt(options, resolve);
    try {
      options.client.dispatch(
        {
          ...options.client.findTarget(request.url),
          method: request.method,
          headers: request.headers,
          body: request.body.length > 0 ? request.body : null,
        },
        attempt,
      );
    } catch (error) {
      attempt.fail(error);
    }
  });
}

/** Listens to one exchange and settles once, whichever comes first: answer, error or time-out. */
class Attempt implements Dispatcher.DispatchHandler {
  readonly #resolve: (result: Delivered) => void;
  readonly #mayStart: () => boolean;
  readonly #captureBytes: number;
  /** Undefined when there is no need to ask any more. */
  #askRoom: DeliverOptions["askRoom"];
  readonly #timer: NodeJS.Timeout;
  #controller: Dispatcher.DispatchController | undefined;
  #settled = false;
  #status = 0;
  #headers: HeaderMap = {};
  #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(options: DeliverOptions, resolve: (result: Delivered) => void) {
    this.#resolve = resolve;
    this.#mayStart = options.mayStart ?? (() => true);
    this.#captureBytes = options.captureBytes;
    this.#askRoom = options.askRoom;
    this.#timer = setTimeout(() => this.#timeOut(options.timeoutMs), options.timeoutMs);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // The time ran out while the connection was being made.
    if (this.#settled) return controller.abort(new Error("abandoned"));
    if (this.#mayStart()) return;
    this.#settle(() => ({ kind: "unsent" }));
    // Thrown, not aborted: the client gives the request up and keeps the connection, so that the
    // next start does not come too late for the same reason.
    throw new Error("too late to start");
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (status < 200) return;
    this.#status = status;
    this.#headers = canonicalHeaders(headers);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#settled) return;
    const room = this.#captureBytes - this.#bytes;
    this.#chunks.push(chunk.length > room ? chunk.subarray(0, room) : chunk);
    this.#bytes += Math.min(chunk.length, room);
    if (chunk.length > room) this.#cut();
    else if (this.#bytes > RESPONSE_CAPTURE_BYTES) void this.#waitForRoom(controller);
  }

  onResponseEnd(): void {
    this.#answer();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.fail(error);
  }

  fail(error: unknown): void {
    this.#settle(() => ({ kind: "failure", ...describeTransportError(error) }));
  }

  #timeOut(timeoutMs: number): void {
    this.#settle(() => ({
      kind: "failure",
      code: "timeout",
      error: `no complete answer within ${timeoutMs} ms`,
    }));
    this.#controller?.abort(new Error("timed out"));
  }

  /** The receiver waits too: nothing of what it sends is read meanwhile. */
  async #waitForRoom(controller: Dispatcher.DispatchController): Promise<void> {
    const askRoom = this.#askRoom;
    if (askRoom === undefined) return;
    this.#askRoom = undefined;
    controller.pause();
    const hasRoom = await askRoom(this.#expectedBytes());
    if (this.#settled) return;
    if (hasRoom) controller.resume();
    else this.#cut();
  }

  #expectedBytes(): number {
    const [length] = this.#headers["Content-Length"] ?? [];
    return length === undefined ? this.#captureBytes : Math.min(Number(length), this.#captureBytes);
  }

  #cut(): void {
    this.#answer();
    this.#controller?.abort(new Error("the rest of the answer is not needed"));
  }

  #answer(): void {
    this.#settle(() => ({
      kind: "response",
      status: this.#status,
      headers: this.#headers,
      body: Buffer.concat(this.#chunks),
    }));
  }

  #settle(result: () => Delivered): void {
    if (this.#settled) return;
    this.#settled = true;
    clearTimeout(this.#timer);
    this.#resolve(result());
  }
}

function canonicalHeaders(headers: Record<string, string | string[] | undefined>): HeaderMap {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[canonicalHeaderName(name), [value].flat()]],
    ),
  );
}
