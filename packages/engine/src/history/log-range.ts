import type { LogQuery } from "@omnistore/domain/history/log-event";

import { LATEST_UUID_MS } from "../uuid-of-time.ts";
import type { LogPosition } from "./keyset-cursor.ts";

/** First and last microsecond (unix) that a page can hold: the cursor narrows what was asked for. */
export function logRange(
  query: Pick<LogQuery, "fromMs" | "toMs" | "order">,
  position: LogPosition | null,
): { readonly lowMicros: number; readonly highMicros: number } {
  const lowMicros = Math.min(query.fromMs ?? 0, LATEST_UUID_MS) * 1000;
  const highMicros = Math.min(query.toMs ?? LATEST_UUID_MS, LATEST_UUID_MS) * 1000 + 999;
  if (position === null) return { lowMicros, highMicros };
  return query.order === "latestFirst"
    ? { lowMicros, highMicros: Math.min(highMicros, position.micros) }
    : { lowMicros: Math.max(lowMicros, position.micros), highMicros };
}
