import type { PublishCommand, PublishOutcome } from "@omnistore/domain/publish/publish-command";
import type { Plan } from "@omnistore/domain/tenant/plans";

import type { Bandwidth } from "./bandwidth.ts";
import { publishTogether, type PublishParts } from "./publish/publish.ts";
import type { Budgets } from "./tenant/budgets.ts";

/**
 * Publishes commands of one tenant if its plan has so many messages left today, and bandwidth this
 * month, all or none. A plan without those limits costs nothing here.
 */
export async function publishWithinBudget(
  parts: PublishParts & {
    readonly budgets: Pick<Budgets, "spend" | "refund">;
    readonly bandwidth: Pick<Bandwidth, "spent">;
  },
  commands: readonly PublishCommand[],
  { limits }: Plan,
): Promise<readonly PublishOutcome[]> {
  const { messagesPerDay: limit, bandwidthBytesPerMonth } = limits;
  const [first] = commands;
  if (first === undefined) return [];
  const { tenantId } = first;
  const spent =
    (bandwidthBytesPerMonth === null
      ? null
      : await parts.bandwidth.spent(tenantId, bandwidthBytesPerMonth)) ??
    (limit === null ? null : await parts.budgets.spend(tenantId, "day", limit, commands.length));
  if (spent !== null) return commands.map(() => ({ kind: "over-budget", spent }));
  if (limit === null) return publishTogether(parts, commands, limits);
  const outcomes = await publishTogether(parts, commands, limits);
  // A duplicate is no message, and neither is what was not stored. Contract 06 §3.
  const unused = outcomes.filter((each) => each.kind !== "accepted" || each.deduplicated).length;
  if (unused > 0) parts.budgets.refund(tenantId, "day", unused);
  return outcomes;
}
