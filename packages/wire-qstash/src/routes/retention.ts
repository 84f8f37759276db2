import { UNBOUNDED } from "@omnistore/domain/tenant/plans";
import type { Caller } from "@omnistore/domain/tenant/tenant";
import { deadLetterTimeMs, decodeDeadLetterId } from "../ids.ts";
import type { WireServices } from "./guarded.ts";

const DAY_MS = 86_400_000;

/** A query for no more than what the plan keeps; what nobody keeps is gone anyway. Contract 06 §1. */
export function withinRetention<Query extends { readonly fromMs?: number }>(
  query: Query,
  days: number,
  nowMs: number,
): Query {
  const keptFromMs = keptFrom(days, nowMs);
  return keptFromMs === 0 ? query : { ...query, fromMs: Math.max(query.fromMs ?? 0, keptFromMs) };
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

/** The earliest time that is kept, Unix milliseconds; 0 when the service itself forgets sooner. */
function keptFrom(days: number, nowMs: number): number {
  return days >= UNBOUNDED.logRetentionDays ? 0 : nowMs - days * DAY_MS;
}
