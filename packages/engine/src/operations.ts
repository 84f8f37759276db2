import type { Operations } from "@omnistore/domain/operations";

import { createAudit } from "./audit/audit.ts";
import type { Bandwidth } from "./bandwidth.ts";
import { cancelMessages } from "./cancel/cancel-messages.ts";
import type { DatabaseClock } from "./database-clock.ts";
import { deleteDeadLetters } from "./dead-letter/delete-dead-letters.ts";
import { listDeadLetters } from "./dead-letter/list-dead-letters.ts";
import { retryDeadLetters } from "./dead-letter/retry-dead-letters.ts";
import { getDeadLetter } from "./dead-letter/select-dead-letters.sql.ts";
import type { HostCheck } from "./deliver/host-check.ts";
import { createGateOperations } from "./gate/gate-operations.ts";
import { getMessage } from "./history/get-message.ts";
import { listLogs } from "./history/list-logs.ts";
import { inPages } from "./in-pages.ts";
import type { MadePosition } from "./oldest-first.sql.ts";
import { publishWithinBudget } from "./publish-within-budget.ts";
import { TransactionStore } from "./publish/transaction-store.ts";
import { deleteSchedule, pauseSchedule, resumeSchedule } from "./schedule/change-schedule.ts";
import { createSchedule } from "./schedule/create-schedule.ts";
import { getSchedule, pageOfSchedules } from "./schedule/select-schedules.sql.ts";
import type { MessageStore } from "./store/message-store.ts";
import type { Authenticator } from "./tenant/authenticate.ts";
import type { Budgets } from "./tenant/budgets.ts";
import type { TenantScopes } from "./tenant-scope.ts";
import { isDevelopmentTenant } from "./tenant/development-credentials.ts";
import type { SigningKeyRing } from "./tenant/signing-keys.ts";
import { addEndpoints } from "./topic/add-endpoints.ts";
import { deleteTopic, removeEndpoints, setTopicHeaders } from "./topic/change-topic.ts";
import { getTopic, pageOfTopics } from "./topic/select-topics.sql.ts";
import { orUnavailable } from "./unavailable.ts";
import type { Vault } from "./vault.ts";

export interface OperationsParts {
  readonly scopeOf: TenantScopes;
  readonly clock: DatabaseClock;
  readonly vault: Vault;
  readonly store: MessageStore;
  readonly authenticator: Authenticator;
  readonly budgets: Budgets;
  readonly bandwidth: Bandwidth;
  readonly signingKeys: SigningKeyRing;
  readonly hosts: HostCheck;
  /** Called when a schedule may be due earlier than schedulers know. */
  readonly onScheduleChanged: () => void;
  /** Called when there may be more to deliver than dispatchers know. */
  readonly wakeDispatchers: () => void;
  readonly onError: (error: unknown) => void;
}

/** What wires may ask, each answered by the verb that does it. */
export function createOperations(parts: OperationsParts): Operations {
  const { scopeOf, clock, vault, authenticator, budgets, bandwidth, hosts, signingKeys } = parts;
  const { onScheduleChanged, wakeDispatchers } = parts;
  const transactionStore = new TransactionStore(vault);
  const operations: Operations = {
    ...createAudit(parts),
    ...createGateOperations({
      scopeOf,
      wake: wakeDispatchers,
      cancelQueue: (tenantId, name) =>
        operations.cancelMessages(tenantId, { kind: "filter", filter: { queueNames: [name] } }),
    }),
    authenticate: (token) => orUnavailable(authenticator.authenticate(token)),
    async admit({ tenantId, plan: { limits } }) {
      const limit = limits.requestsPerSecond;
      return limit === null ? null : orUnavailable(budgets.spend(tenantId, "second", limit, 1));
    },
    nowMs: () => clock.nowMs(),
    hostProblem: (url) => hosts.problemOf(url),
    async publish(command, plan) {
      const [outcome] = await publishWithinBudget(parts, [command], plan);
      if (outcome === undefined) throw new Error("a publish was not answered");
      return outcome;
    },
    publishTogether: (commands, plan) => publishWithinBudget(parts, commands, plan),
    getMessage: (tenantId, messageId) =>
      orUnavailable(getMessage(scopeOf(tenantId).pool, vault, tenantId, messageId)),
    async cancelMessages(tenantId, selection) {
      const cancelled = await orUnavailable(
        cancelMessages(scopeOf(tenantId).pool, tenantId, selection),
      );
      // A queue or a flow-control key may have a free place now.
      if (cancelled > 0) wakeDispatchers();
      return cancelled;
    },
    listLogs: (tenantId, query) =>
      orUnavailable(listLogs(scopeOf(tenantId).pool, vault, tenantId, query)),
    listDeadLetters: (tenantId, query) =>
      orUnavailable(listDeadLetters(scopeOf(tenantId).pool, vault, tenantId, query)),
    getDeadLetter: (tenantId, id) =>
      orUnavailable(getDeadLetter(scopeOf(tenantId).pool, vault, tenantId, id)),
    deleteDeadLetters: (tenantId, selection) =>
      orUnavailable(deleteDeadLetters(scopeOf(tenantId).pool, tenantId, selection)),
    async retryDeadLetters(tenantId, selection, overrides, { limits }) {
      const { messagesPerDay: limit, bandwidthBytesPerMonth } = limits;
      const { pool } = scopeOf(tenantId);
      const day = {
        spend: async (messages: number) =>
          (await bandwidth.spent(tenantId, bandwidthBytesPerMonth)) ??
          (limit === null ? null : budgets.spend(tenantId, "day", limit, messages)),
        refund: (messages: number) => {
          if (limit !== null && messages > 0) budgets.refund(tenantId, "day", messages);
        },
      };
      const retry = { pool, clock, vault, transactionStore, limits, day };
      const outcome = await orUnavailable(retryDeadLetters(retry, tenantId, selection, overrides));
      if (outcome.kind === "retried" && outcome.messageIds.length > 0) wakeDispatchers();
      return outcome;
    },
    async createSchedule(command, limits) {
      const outcome = await orUnavailable(
        createSchedule({ db: scopeOf(command.tenantId).db, vault }, command, limits, clock.nowMs()),
      );
      if (outcome === "created") onScheduleChanged();
      return outcome;
    },
    getSchedule: (tenantId, id) =>
      orUnavailable(getSchedule(scopeOf(tenantId).pool, vault, tenantId, id)),
    listSchedules: (tenantId) =>
      inPages((after: MadePosition | null) =>
        pageOfSchedules(scopeOf(tenantId).pool, vault, tenantId, after),
      ),
    deleteSchedule: (tenantId, id) =>
      orUnavailable(deleteSchedule(scopeOf(tenantId).db, tenantId, id)),
    pauseSchedule: (tenantId, id) =>
      orUnavailable(pauseSchedule(scopeOf(tenantId).db, tenantId, id)),
    async resumeSchedule(tenantId, id) {
      const found = await orUnavailable(
        resumeSchedule(scopeOf(tenantId).db, tenantId, id, clock.nowMs()),
      );
      if (found) onScheduleChanged();
      return found;
    },
    addEndpoints: (tenantId, topicName, endpoints, limits) =>
      orUnavailable(addEndpoints(scopeOf(tenantId).db, tenantId, topicName, endpoints, limits)),
    removeEndpoints: (tenantId, topicName, endpoints) =>
      orUnavailable(removeEndpoints(scopeOf(tenantId).db, tenantId, topicName, endpoints)),
    setTopicHeaders: (tenantId, topicName, headers) =>
      orUnavailable(
        setTopicHeaders({ db: scopeOf(tenantId).db, vault }, tenantId, topicName, headers),
      ),
    deleteTopic: (tenantId, topicName) =>
      orUnavailable(deleteTopic(scopeOf(tenantId).db, tenantId, topicName)),
    getTopic: (tenantId, topicName) =>
      orUnavailable(getTopic(scopeOf(tenantId).pool, vault, tenantId, topicName)),
    listTopics: (tenantId) =>
      inPages((after: MadePosition | null) =>
        pageOfTopics(scopeOf(tenantId).pool, vault, tenantId, after),
      ),
    getSigningKeys: (tenantId) => orUnavailable(signingKeys.read(tenantId)),
    rotateSigningKeys: async (tenantId) =>
      isDevelopmentTenant(tenantId) ? null : orUnavailable(signingKeys.rotate(tenantId)),
  };
  return operations;
}
