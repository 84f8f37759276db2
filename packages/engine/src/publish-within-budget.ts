import type { PublishCommand, PublishOutcome } from "@omnistore/domain/publish/publish-command";
import type { Plan } from "@omnistore/domain/tenant/plans";

import { publishTogether, type PublishParts } from "./publish/publish.ts";
import type { Budgets } from "./tenant/budgets.ts";

/**
 * Publishes commands of one tenant if its plan has so many messages left today, all or none. A plan
 * without that limit costs nothing here.
 */
export async function publishWithinBudget(
  parts: PublishParts & { readonly budgets: Pick<Budgets, "spend" | "refund"> },
  commands: readonly PublishCommand[],
  { limits: { messagesPerDay: limit } }: Plan,
): Promise<readonly PublishOutcome[]> {
  const [first] = commands;
  if (limit === null || first === undefined) return publishTogether(parts, commands);
  const { tenantId } = first;
  const spent = await parts.budgets.spend(tenantId, "day", limit, commands.length);
  if (spent !== null) return commands.map(() => ({ kind: "over-budget", spent }));
  const outcomes = await publishTogether(parts, commands);
  // A duplicate is no message, and neither is what was not stored. Contract 06 §3.
  const unused = outcomes.filter((each) => each.kind !== "accepted" || each.deduplicated).length;
  if (unused > 0) parts.budgets.refund(tenantId, "day", unused);
  return outcomes;
}
