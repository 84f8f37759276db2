import type { CancelSelection } from "./cancel/cancel-selection.ts";
import type { RetryOverrides } from "./dead-letter/retry-overrides.ts";
import type {
  DeadLetterSelection,
  DeletionOutcome,
  RetryOutcome,
} from "./dead-letter/selection.ts";
import type { FlowControlOperations } from "./gate/flow-control-key.ts";
import type { QueueOperations } from "./gate/queue.ts";
import type { DeadLetter, DeadLetterQuery } from "./history/dead-letter.ts";
import type { LogEvent, LogQuery, PageOutcome } from "./history/log-event.ts";
import type { HeaderMap, PendingMessage } from "./message/message.ts";
import type { PublishCommand, PublishOutcome } from "./publish/publish-command.ts";
import type { Schedule, ScheduleCommand, ScheduleOutcome } from "./schedule/schedule.ts";
import type { AuditOperations } from "./tenant/audit.ts";
import type { BudgetSpent } from "./tenant/budget.ts";
import type { Plan, PlanLimits } from "./tenant/plans.ts";
import type { Caller, SigningKeys } from "./tenant/tenant.ts";
import type { EndpointPattern } from "./topic/endpoints.ts";
import type { AddEndpointsOutcome, Endpoint, Topic } from "./topic/topic.ts";

/**
 * Everything a wire may ask of the engine. Ids are bare uuids: prefixes belong to the wire. Any of
 * them rejects with `UnavailableError` while the database is out of reach.
 */
export interface Operations extends QueueOperations, FlowControlOperations, AuditOperations {
  /** Who a bearer token stands for, or null when it is not (or no longer) ours. */
  authenticate(token: string): Promise<Caller | null>;
  /** Counts a request that is limited by the second; null when it may be served. */
  admit(caller: Caller): Promise<BudgetSpent | null>;
  /** Unix milliseconds of the database's clock: the machine's may be wrong. */
  nowMs(): number;
  /**
   * Why no message can reach the host of a valid URL, in words for its publisher, or null. It waits
   * a second at most and never rejects: what name servers do not say in time, the attempts will.
   */
  hostProblem(url: string): Promise<string | null>;
  /** Resolves when the message is durable, or when it certainly was not accepted. */
  publish(command: PublishCommand, plan: Plan): Promise<PublishOutcome>;
  /** The same for several messages, one outcome for each: all of them are accepted, or none is. */
  publishTogether(
    commands: readonly PublishCommand[],
    plan: Plan,
  ): Promise<readonly PublishOutcome[]>;
  /** A message that is still to be delivered, or null. */
  getMessage(tenantId: string, messageId: string): Promise<PendingMessage | null>;
  /**
   * Takes messages out of the queue for good and says how many; an attempt under way may still
   * arrive. A failure in the middle leaves the rest as it was, and the call can be repeated.
   */
  cancelMessages(tenantId: string, selection: CancelSelection): Promise<number>;
  listLogs(tenantId: string, query: LogQuery): Promise<PageOutcome<LogEvent>>;
  listDeadLetters(tenantId: string, query: DeadLetterQuery): Promise<PageOutcome<DeadLetter>>;
  getDeadLetter(tenantId: string, id: string): Promise<DeadLetter | null>;
  /** Ids that no entry has are passed over. */
  deleteDeadLetters(tenantId: string, selection: DeadLetterSelection): Promise<DeletionOutcome>;
  /** Publishes entries anew and removes them, all in one transaction. */
  retryDeadLetters(
    tenantId: string,
    selection: DeadLetterSelection,
    overrides: RetryOverrides,
    plan: Plan,
  ): Promise<RetryOutcome>;
  /**
   * Resolves when the schedule is durable; it replaces the one that has its id, whole. Its queue is
   * made with it, unless there is one.
   */
  createSchedule(command: ScheduleCommand, limits: PlanLimits): Promise<ScheduleOutcome>;
  getSchedule(tenantId: string, id: string): Promise<Schedule | null>;
  /** Every schedule of the tenant, oldest first, in parts that one may hold in memory. */
  listSchedules(tenantId: string): AsyncIterable<readonly Schedule[]>;
  /** These three say whether there was a schedule of that id; asked twice, they change nothing more. */
  deleteSchedule(tenantId: string, id: string): Promise<boolean>;
  pauseSchedule(tenantId: string, id: string): Promise<boolean>;
  resumeSchedule(tenantId: string, id: string): Promise<boolean>;
  /** Creates the topic when there is none of that name. */
  addEndpoints(
    tenantId: string,
    topicName: string,
    endpoints: readonly Endpoint[],
    limits: PlanLimits,
  ): Promise<AddEndpointsOutcome>;
  /** These three say whether there was a topic of that name; with its last endpoint a topic is gone. */
  removeEndpoints(
    tenantId: string,
    topicName: string,
    endpoints: readonly EndpointPattern[],
  ): Promise<boolean>;
  setTopicHeaders(tenantId: string, topicName: string, headers: HeaderMap): Promise<boolean>;
  deleteTopic(tenantId: string, topicName: string): Promise<boolean>;
  getTopic(tenantId: string, topicName: string): Promise<Topic | null>;
  /** Every topic of the tenant, oldest first, in such parts too. */
  listTopics(tenantId: string): AsyncIterable<readonly Topic[]>;
  getSigningKeys(tenantId: string): Promise<SigningKeys>;
  /**
   * Makes the announced key the current one and announces a new one. Null when they stay: those of
   * a development tenant are public, and SDKs know them.
   */
  rotateSigningKeys(tenantId: string): Promise<SigningKeys | null>;
}
