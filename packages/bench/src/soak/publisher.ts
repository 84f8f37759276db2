import { setTimeout as sleep } from "node:timers/promises";

import { DEVELOPMENT } from "@omnistore/testkit/official-client";
import { Agent, request } from "undici";

/** A publish may be answered late; after this long it counts as not answered. */
const ANSWER_LIMIT_MS = 15_000;
const PAUSE_MS = 100;

export type Headers = Readonly<Record<string, string>>;

/** Publishes over plain HTTP to any of the apis, again and again until one acknowledges. */
export class Publisher {
  readonly #apiUrls: readonly string[];
  readonly #agent = new Agent({
    headersTimeout: ANSWER_LIMIT_MS,
    bodyTimeout: ANSWER_LIMIT_MS,
    connections: 256,
  });
  #turn = 0;
  /** Answers other than an acknowledgement, by status; 0: none at all. */
  readonly refused = new Map<number, number>();

  constructor(apiUrls: readonly string[]) {
    this.#apiUrls = apiUrls;
  }

  /** The ids of the messages that were stored, by the first acknowledgement. */
  async publish(path: string, headers: Headers, body: string): Promise<readonly string[]> {
    const stored = await this.#insist("POST", path, headers, body);
    const answers: unknown = JSON.parse(stored);
    return (Array.isArray(answers) ? answers : [answers]).map(messageIdOf);
  }

  /** A request that is not a publish, insisted on in the same way. */
  async ask(
    method: "POST" | "DELETE",
    path: string,
    headers: Headers = {},
    body = "",
  ): Promise<void> {
    await this.#insist(method, path, headers, body);
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }

  async #insist(
    method: "POST" | "DELETE",
    path: string,
    headers: Headers,
    body: string,
  ): Promise<string> {
    for (;;) {
      this.#turn += 1;
      const url = `${this.#apiUrls[this.#turn % this.#apiUrls.length]}${path}`;
      const status = await this.#once(method, url, headers, body);
      if (typeof status === "string") return status;
      this.refused.set(status, (this.refused.get(status) ?? 0) + 1);
      if (status >= 400 && status < 500 && status !== 429) {
        throw new Error(`${method} ${url} was answered with ${status}`);
      }
      await sleep(PAUSE_MS);
    }
  }

  async #once(
    method: "POST" | "DELETE",
    url: string,
    headers: Headers,
    body: string,
  ): Promise<string | number> {
    try {
      const response = await request(url, {
        method,
        dispatcher: this.#agent,
        headers: { authorization: `Bearer ${DEVELOPMENT.token}`, ...headers },
        body,
      });
      const text = await response.body.text();
      return response.statusCode < 300 ? text : response.statusCode;
    } catch {
      return 0;
    }
  }
}

function messageIdOf(answer: unknown): string {
  if (typeof answer === "object" && answer !== null && "messageId" in answer) {
    return String(answer.messageId);
  }
  throw new Error(`an acknowledgement without a messageId: ${JSON.stringify(answer)}`);
}
