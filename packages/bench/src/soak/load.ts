import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import type { Acknowledged, FlowKey } from "./judge.ts";
import { nowMs } from "./now.ts";
import type { Publisher } from "./publisher.ts";
import { pick } from "./random.ts";

const QUEUES = 20;
const SCHEDULES = 20;
/** Publishes that may wait for their answer at once; when there are more, the load waits. */
const MOST_WAITING = 400;
const BEAT_MS = 20;
const TOPIC = "soak";

/** Each is used about five times a second at the default rate of load. */
export const FLOW_KEYS: ReadonlyMap<string, FlowKey> = new Map([
  ["narrow", { parallelism: 1 }],
  ["wide", { parallelism: 3 }],
  ["wider", { parallelism: 5 }],
  ["slow", { rate: 50, periodMs: 5_000 }],
  ["slower", { rate: 60, periodMs: 10_000 }],
  ["both", { rate: 40, periodMs: 5_000, parallelism: 2 }],
]);

type Kind =
  | "plain"
  | "slow"
  | "delayed"
  | "retried"
  | "dead"
  | "topic"
  | "queue"
  | "flow"
  | "twice";
const KINDS: readonly { readonly weight: number; readonly item: Kind }[] = [
  { item: "plain", weight: 40 },
  { item: "slow", weight: 5 },
  { item: "delayed", weight: 15 },
  { item: "retried", weight: 9 },
  { item: "dead", weight: 1 },
  { item: "topic", weight: 8 },
  { item: "queue", weight: 11 },
  { item: "flow", weight: 9 },
  { item: "twice", weight: 2 },
];

export interface LoadParts {
  readonly publisher: Publisher;
  readonly receiverUrl: string;
  readonly random: () => number;
}

/** Publishes messages of every kind at a steady rate and keeps what was acknowledged. */
export class Load {
  readonly acknowledged: Acknowledged[] = [];
  readonly schedules: { readonly id: string; readonly createdMs: number }[] = [];
  readonly #parts: LoadParts;
  /** The end of the last publish to each queue: the next one waits for it, so that the order is known. */
  readonly #tails = new Map<string, Promise<void>>();
  readonly #places = new Map<string, number>();
  #waiting = 0;
  #failure: unknown;

  constructor(parts: LoadParts) {
    this.#parts = parts;
  }

  /** Topics and schedules. */
  async prepare(): Promise<void> {
    const { publisher, receiverUrl } = this.#parts;
    const json = { "content-type": "application/json" };
    const endpoints = ["a", "b"].map((name) => ({ name, url: `${receiverUrl}/topic/${name}` }));
    await publisher.ask(
      "POST",
      `/v2/topics/${TOPIC}/endpoints`,
      json,
      JSON.stringify({ endpoints }),
    );
    for (let index = 0; index < SCHEDULES; index += 1) {
      const id = `tick-${index}`;
      const headers = { "upstash-cron": "* * * * *", "upstash-schedule-id": id };
      await publisher.ask("POST", `/v2/schedules/${receiverUrl}/tick/${id}`, headers);
      this.schedules.push({ id, createdMs: nowMs() });
    }
  }

  async removeSchedules(): Promise<void> {
    for (const { id } of this.schedules)
      await this.#parts.publisher.ask("DELETE", `/v2/schedules/${id}`);
  }

  /** Publishes that many messages within that time, or as soon after it as they are answered. */
  async run(messages: number, durationMs: number): Promise<void> {
    const startMs = performance.now();
    for (let sent = 0; sent < messages;) {
      const share = Math.min(1, (performance.now() - startMs) / durationMs);
      while (sent < share * messages && this.#waiting < MOST_WAITING) {
        sent += 1;
        this.#begin(pick(KINDS, this.#parts.random()));
      }
      if (this.#failure !== undefined) throw this.#failure;
      await sleep(BEAT_MS);
    }
    while (this.#waiting > 0) await sleep(BEAT_MS);
    if (this.#failure !== undefined) throw this.#failure;
  }

  #begin(kind: Kind): void {
    this.#waiting += 1;
    this.#publish(kind)
      .catch((error: unknown) => (this.#failure = error))
      .finally(() => (this.#waiting -= 1));
  }

  async #publish(kind: Kind): Promise<void> {
    const { random } = this.#parts;
    switch (kind) {
      case "plain":
        return this.#send("/ok");
      case "slow":
        return this.#send("/slow");
      case "delayed": {
        const seconds = 1 + Math.floor(random() * 15);
        return this.#send("/ok", { "upstash-delay": `${seconds}s` }, { delayMs: seconds * 1_000 });
      }
      case "retried":
        return this.#send(`/retry/${1 + Math.floor(random() * 3)}`, {
          "upstash-retries": "5",
          "upstash-retry-delay": "200",
        });
      case "dead":
        return this.#send(
          "/dead",
          { "upstash-retries": "1", "upstash-retry-delay": "200" },
          { fate: "dead" },
        );
      case "topic":
        return this.#send(null);
      case "queue":
        return this.#enqueue(`queue-${Math.floor(random() * QUEUES)}`);
      case "flow":
        return this.#sendInFlow();
      case "twice": {
        const headers = { "upstash-deduplication-id": randomUUID() };
        await this.#send("/ok", headers);
        // Answered with the first one, which may have arrived long since.
        return this.#send("/ok", headers, { delayMs: Number.NEGATIVE_INFINITY });
      }
    }
  }

  /** `path` null: to the topic. */
  async #send(
    path: string | null,
    headers: Readonly<Record<string, string>> = {},
    { delayMs = 0, fate = "delivered" }: { delayMs?: number; fate?: Acknowledged["fate"] } = {},
  ): Promise<void> {
    const { publisher, receiverUrl } = this.#parts;
    const destination = path === null ? TOPIC : `${receiverUrl}${path}`;
    const notBeforeMs = nowMs() + delayMs;
    const ids = await publisher.publish(`/v2/publish/${destination}`, headers, "soak");
    for (const id of ids) this.acknowledged.push({ id, fate, notBeforeMs });
  }

  #enqueue(name: string): Promise<void> {
    const place = this.#places.get(name) ?? 0;
    this.#places.set(name, place + 1);
    const sending = this.#enqueueAfter(this.#tails.get(name), name, place);
    this.#tails.set(name, sending);
    return sending;
  }

  async #enqueueAfter(
    before: Promise<void> | undefined,
    name: string,
    place: number,
  ): Promise<void> {
    await before;
    const { publisher, receiverUrl } = this.#parts;
    const notBeforeMs = nowMs();
    const path = `/v2/enqueue/${name}/${receiverUrl}/queue/${name}`;
    const [id = ""] = await publisher.publish(path, {}, String(place));
    this.acknowledged.push({ id, fate: "delivered", notBeforeMs, queue: { name, place } });
  }

  async #sendInFlow(): Promise<void> {
    const names = [...FLOW_KEYS.keys()];
    const name = names[Math.floor(this.#parts.random() * names.length)] ?? "narrow";
    const { parallelism, rate, periodMs = 1_000 } = FLOW_KEYS.get(name) ?? {};
    const rules = [
      ...(parallelism === undefined ? [] : [`parallelism=${parallelism}`]),
      ...(rate === undefined ? [] : [`rate=${rate}`, `period=${periodMs / 1_000}s`]),
    ];
    await this.#send(`/flow/${name}`, {
      "upstash-flow-control-key": name,
      "upstash-flow-control-value": rules.join(", "),
    });
  }
}
