import type { MessageToStore } from "./publish/transaction-store.ts";
import type { TenantPlans } from "./tenant-plans.ts";
import type { Budgets } from "./tenant/budgets.ts";

/**
 * Counts messages that were stored and may not be refused against the day of their tenants. Off the
 * path of a message: nothing waits for it, and tenants without that limit cost nothing.
 */
export function countMessages(parts: {
  readonly plans: Pick<TenantPlans, "of">;
  readonly budgets: Pick<Budgets, "charge">;
}): (stored: readonly Pick<MessageToStore, "message">[]) => Promise<void> {
  return async (stored) => {
    const plans = await parts.plans.of(stored.map(({ message }) => message.tenantId));
    for (const { message } of stored) {
      const limit = plans.get(message.tenantId)?.limits.messagesPerDay ?? null;
      if (limit !== null) parts.budgets.charge(message.tenantId, "day", 1);
    }
  };
}
