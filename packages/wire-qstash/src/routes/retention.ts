import type { Caller } from "@omnistore/domain/tenant/tenant";
import { deadLetterTimeMs, decodeDeadLetterId } from "../ids.ts";
import type { WireServices } from "./guarded.ts";

const DAY_MS = 86_400_000;

/** A query for no more than what the plan keeps: what others keep longer may still be there. Contract 06 §1. */
export function withinRetention<Query extends { readonly fromMs?: number }>(
  query: Query,
  days: number,
  nowMs: number,
): Query {
  return { ...query, fromMs: Math.max(query.fromMs ?? 0, keptFrom(days, nowMs)) };
}

/** The dead letters that a plan still keeps: an older one is gone, whoever asks for it. Contract 03 §5. */
export interface KeptDeadLetters {
  /** The uuid of an entry, or null when the text is no id of one that is kept. */
  readonly idOf: (text: string) => string | null;
  /** The same query, for no more than these. */
  readonly within: <Query extends { readonly fromMs?: number }>(query: Query) => Query;
}

/** What the caller's plan keeps now. */
export function keptDeadLetters({ operations }: WireServices, { plan }: Caller): KeptDeadLetters {
  const { deadLetterRetentionDays: days } = plan.limits;
  const nowMs = operations.nowMs();
  return {
    idOf: (text) => {
      const id = decodeDeadLetterId(text);
      return id !== null && deadLetterTimeMs(text) >= keptFrom(days, nowMs) ? id : null;
    },
    within: (query) => withinRetention(query, days, nowMs),
  };
}

/** The earliest time that is kept, Unix milliseconds. */
function keptFrom(days: number, nowMs: number): number {
  return Math.floor(nowMs - days * DAY_MS);
}
