import type { LeasedDelivery } from "@omnistore/engine/leased-delivery";
import type { Outcome } from "@omnistore/engine/record/write-outcomes.sql";

import { callbacksDue, type CallbackKind, type Ending } from "./life.ts";
import { callbackKindOf, type Endings } from "./queue-under-test.ts";
import type { What } from "./steps.ts";

/** The end of an attempt that somebody is about to record. */
export interface AttemptEnd {
  readonly lease: LeasedDelivery;
  readonly ending: Ending;
  /** Whether it is to count: the lease was not lost, and the attempt did not end before. */
  readonly counts: boolean;
  readonly made: Outcome;
}

/** A window of deduplication is ten minutes; with so much of it left, it is certainly open. */
const WINDOW_MS = 8 * 60_000;

interface Promised {
  readonly maxRetries: number;
  readonly asked: ReadonlySet<CallbackKind>;
  attempts: number;
}

/** What publishers were promised in a run: every message that was acknowledged, and every callback called for. */
export class Promises {
  readonly #promised = new Map<string, Promised>();
  #callbacks = 0;
  /** Which message stands for a key of deduplication. */
  readonly #deduplicated = new Map<string, string>();

  has(id: string): boolean {
    return this.#promised.has(id);
  }

  /** A publish with that key was answered with that id, maybe of an earlier message. */
  answered(key: string | null, id: string, nowMs: number): void {
    if (key === null) return;
    const twin = this.#deduplicated.get(key);
    // When the window has closed, and only then, a new message takes the key over.
    if (twin !== undefined && twin !== id && (this.has(id) || isWindowOpen(twin, nowMs))) {
      throw new Error(`the duplicate of ${twin} was answered with ${id}`);
    }
    this.#deduplicated.set(key, id);
  }

  published(id: string, { callback, failureCallback }: What, maxRetries: number): void {
    const asked = new Set<CallbackKind>();
    if (callback !== null) asked.add("callback");
    if (failureCallback !== null) asked.add("failure callback");
    this.#promised.set(id, { maxRetries, asked, attempts: 0 });
  }

  /** What an attempt comes to. */
  endingOf({ messageId, retried }: LeasedDelivery, isOk: boolean): Ending {
    if (isOk) return "delivered";
    return retried >= this.#of(messageId).maxRetries ? "dead" : "retry";
  }

  /** Notes an attempt that counted: from now on its callbacks are promised, each with the retries of its source. */
  ended({ lease, ending, made }: AttemptEnd): void {
    const source = this.#of(lease.messageId);
    source.attempts += 1;
    const kinds = made.callbacks.map(({ message }) => callbackKindOf(message));
    const due = callbacksDue(ending, source.asked);
    if (kinds.join() !== due.join()) {
      throw new Error(`${lease.messageId} ${ending}: callbacks ${kinds.join()}, not ${due.join()}`);
    }
    this.#callbacks += made.callbacks.length;
    for (const { message } of made.callbacks) {
      if (message.maxRetries !== source.maxRetries) {
        throw new Error(`a callback has ${message.maxRetries} retries, not ${source.maxRetries}`);
      }
      this.#promised.set(message.id, {
        maxRetries: source.maxRetries,
        asked: new Set(),
        attempts: 0,
      });
    }
  }

  /**
   * Throws when a message did not end once, one is there that nobody promised, or callbacks were not
   * counted against the day as often as they were stored; `charged` is null when nobody can tell.
   */
  check(endings: ReadonlyMap<string, Endings>, charged: number | null): void {
    if (charged !== null && charged !== this.#callbacks) {
      throw new Error(
        `${charged} callbacks counted against the day, and ${this.#callbacks} stored`,
      );
    }
    for (const [id, promised] of this.#promised) {
      const found = endings.get(id);
      if (found === undefined) throw new Error(`${id} was never stored`);
      const { delivered, dead, cancelled, attempts } = found;
      if (delivered + dead + cancelled !== 1) {
        throw new Error(
          `${id}: delivered ${delivered}, dead ${dead}, cancelled ${cancelled} times`,
        );
      }
      if (attempts !== promised.attempts) {
        throw new Error(`${id}: ${attempts} attempts in the log, and ${promised.attempts} counted`);
      }
    }
    if (endings.size !== this.#promised.size) {
      throw new Error("a message was stored that nobody published and no attempt called for");
    }
  }

  #of(id: string): Promised {
    const promised = this.#promised.get(id);
    if (promised === undefined) throw new Error(`${id} was never promised`);
    return promised;
  }
}

function isWindowOpen(id: string, nowMs: number): boolean {
  const madeMs = Number.parseInt(id.replaceAll("-", "").slice(0, 12), 16);
  return nowMs - madeMs < WINDOW_MS;
}
