import type { UsageOperations } from "@omnistore/domain/tenant/administration";
import {
  addUsage,
  estimateCost,
  NO_USAGE,
  PRICE,
  type HourOfUsage,
  type Usage,
} from "@omnistore/domain/tenant/usage";
import type { Context } from "hono";

import { readQuery } from "./body.ts";
import { ApiError } from "./errors.ts";
import { UsageRange } from "./fields.ts";

const DAY_MS = 86_400_000;
const MAX_DAYS = 400;
const COLUMNS = ["publishes", "deliveries", "attempts", "bytesIn", "bytesOut"] as const;

/**
 * What a tenant used, by the hour, with what it would cost: as JSON, or with `?format=csv` as a table.
 * Unless asked otherwise it begins with the current UTC month and ends now.
 */
export async function usageReply(
  operations: UsageOperations,
  context: Context,
  tenantId: string,
): Promise<Response> {
  const { from, to, format } = readQuery(context, UsageRange);
  const nowMs = Math.floor(operations.nowMs());
  const query = { fromMs: from ?? startOfMonth(nowMs), toMs: to ?? nowMs };
  if (query.toMs <= query.fromMs || query.toMs - query.fromMs > MAX_DAYS * DAY_MS) {
    const range = `from ${query.fromMs} to ${query.toMs}`;
    throw new ApiError(400, `${range} is not a range of at most ${MAX_DAYS} days`);
  }
  const hours = await operations.getUsage(tenantId, query);
  if (format === "csv") return csv(context, hours);
  const total = hours.reduce<Usage>(addUsage, NO_USAGE);
  return context.json({
    from: query.fromMs,
    to: query.toMs,
    hours,
    total: pick(total),
    cost: { currency: "USD", estimate: estimateCost(hours, PRICE), ...PRICE },
  });
}

function startOfMonth(unixMs: number): number {
  const date = new Date(unixMs);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth());
}

function pick(usage: Usage): Usage {
  const { publishes, deliveries, attempts, bytesIn, bytesOut } = usage;
  return { publishes, deliveries, attempts, bytesIn, bytesOut };
}

/** RFC 4180: a line of names, then one for each hour. Nothing in it needs quotes. */
function csv(context: Context, hours: readonly HourOfUsage[]): Response {
  const lines = hours.map((each) =>
    [new Date(each.hour).toISOString(), ...COLUMNS.map((column) => each[column])].join(","),
  );
  const text = [["hour", ...COLUMNS].join(","), ...lines, ""].join("\r\n");
  return context.body(text, 200, {
    "content-type": "text/csv; charset=utf-8",
    "content-disposition": 'attachment; filename="usage.csv"',
  });
}
