import type { CancelSelection } from "@omnistore/domain/cancel/cancel-selection";
import type { RetryOverrides } from "@omnistore/domain/dead-letter/retry-overrides";
import type {
  DeadLetterSelection,
  DeletionOutcome,
  RetryOutcome,
} from "@omnistore/domain/dead-letter/selection";
import type { DeadLetter, DeadLetterQuery } from "@omnistore/domain/history/dead-letter";
import type { FlowControlKey, Pin } from "@omnistore/domain/gate/flow-control-key";
import type { Queue, QueueSettings } from "@omnistore/domain/gate/queue";
import type { LogEvent, LogQuery, PageOutcome } from "@omnistore/domain/history/log-event";
import type { HeaderMap, PendingMessage } from "@omnistore/domain/message/message";
import type { Operations } from "@omnistore/domain/operations";
import type { PublishCommand } from "@omnistore/domain/publish/publish-command";
import type { Schedule, ScheduleCommand } from "@omnistore/domain/schedule/schedule";
import type { Change, Tell } from "@omnistore/domain/tenant/audit";
import { planOf, type LimitOverrides, type PlanName } from "@omnistore/domain/tenant/plans";
import type { Caller, Role } from "@omnistore/domain/tenant/tenant";
import type { EndpointPattern } from "@omnistore/domain/topic/endpoints";
import type { AddEndpointsOutcome, Endpoint, Topic } from "@omnistore/domain/topic/topic";

/** Tokens in the shape that real ones have: base64 of JSON (contract 00 §2). */
export const FULL_TOKEN = btoa(JSON.stringify({ UserID: "writer", Password: "w" }));
export const READONLY_TOKEN = btoa(JSON.stringify({ UserID: "writer", Password: "r" }));
export const FREE_TOKEN = btoa(JSON.stringify({ UserID: "free", Password: "f" }));
/** Of a tenant whose own limit is fewer retries than a message has by default. */
export const TWO_RETRIES_TOKEN = btoa(JSON.stringify({ UserID: "few", Password: "t" }));
export const KEYS = { current: "sig_current_key", next: "sig_next_key" };

const CALLERS = new Map([
  [FULL_TOKEN, caller("full")],
  [READONLY_TOKEN, caller("readonly")],
  [FREE_TOKEN, caller("full", "free")],
  [TWO_RETRIES_TOKEN, caller("full", "free", { retries: 2 })],
]);

export const NOW_MS = 1_755_349_020_000;
/** What the plan of callers lets them look back to. */
export const KEPT_FROM_MS = NOW_MS - 7 * 86_400_000;

function caller(role: Role, plan: PlanName = "development", limits: LimitOverrides = {}): Caller {
  return {
    tenantId: "tenant-1",
    role,
    token: { id: uuid(1), name: role },
    standing: "active",
    plan: planOf(plan, limits),
  };
}

/**
 * Stands in for the engine in this package's tests: it remembers what the wire asked of it and
 * answers with what the test put there. The wire on the real engine is tested with the service.
 */
export class StandInEngine implements Operations {
  readonly published: PublishCommand[] = [];
  readonly messages = new Map<string, PendingMessage>();
  readonly logQueries: LogQuery[] = [];
  readonly deadLetterQueries: DeadLetterQuery[] = [];
  readonly deadLetters: DeadLetter[] = [];
  readonly cancellations: CancelSelection[] = [];
  readonly deletions: DeadLetterSelection[] = [];
  readonly retries: { selection: DeadLetterSelection; overrides: RetryOverrides }[] = [];
  readonly scheduled: ScheduleCommand[] = [];
  readonly schedules: Schedule[] = [];
  readonly scheduleChanges: string[] = [];
  readonly topics = new Map<string, Topic>();
  readonly topicChanges: unknown[] = [];
  addition: AddEndpointsOutcome = { kind: "added" };
  logs: PageOutcome<LogEvent> = { kind: "page", page: { items: [] } };
  deadLetterCursor: string | undefined;
  /** How many messages every cancellation finds. */
  cancelled = 1;
  deletion: DeletionOutcome = { kind: "deleted", deleted: 1 };
  retry: RetryOutcome = { kind: "retried", messageIds: [] };
  rotations = 0;
  /** When set, every publish is turned away with it. */
  unavailable: { readonly reason: string; readonly retryAfterSeconds: number } | undefined;
  /** When set, every publish fails with it. */
  fault: Error | undefined;
  /** How many callers asked to be let in. */
  authentications = 0;
  readonly #byDeduplicationId = new Map<string, string>();

  /** The command of the only publish since the last call. */
  takePublished(): PublishCommand {
    const [command, ...more] = this.published.splice(0);
    if (command === undefined || more.length > 0) {
      throw new Error(`expected one publish, there were ${more.length + (command ? 1 : 0)}`);
    }
    return command;
  }

  async authenticate(token: string) {
    this.authentications += 1;
    return CALLERS.get(token) ?? null;
  }

  readonly gateChanges: unknown[] = [];
  readonly queues: Queue[] = [];
  readonly flowControlKeys: FlowControlKey[] = [];

  async upsertQueue(_tenantId: string, settings: QueueSettings) {
    this.gateChanges.push(settings);
    return true;
  }

  async makeQueue() {
    return true;
  }

  /** Hosts that nothing can reach, with what publishers are told of them. */
  readonly hostProblems = new Map<string, string>();

  async hostProblem(url: string) {
    return this.hostProblems.get(new URL(url).hostname) ?? null;
  }

  /** Shortly after the messages and dead letters of the tests came to be. */
  nowMs() {
    return NOW_MS;
  }

  async admit() {
    return null;
  }

  audited<Result>(_change: Change, work: (tell: Tell) => Promise<Result>) {
    return work(() => undefined);
  }

  async listAudit() {
    return { kind: "page", page: { items: [] } } as const;
  }

  async getQueue(_tenantId: string, name: string) {
    return this.queues.find((queue) => queue.name === name) ?? null;
  }

  async *listQueues() {
    yield this.queues;
  }

  async deleteQueue(_tenantId: string, name: string) {
    this.gateChanges.push({ deleteQueue: name });
  }

  async setQueuePaused(_tenantId: string, name: string, isPaused: boolean) {
    this.gateChanges.push({ name, isPaused });
    return this.queues.some((queue) => queue.name === name);
  }

  async *listFlowControlKeys(_tenantId: string, search = "") {
    yield this.flowControlKeys.filter(({ key }) => key.includes(search));
  }

  async getFlowControlKey(_tenantId: string, wanted: string) {
    return this.flowControlKeys.find(({ key }) => key === wanted) ?? null;
  }

  async setFlowControlPaused(_tenantId: string, key: string, isPaused: boolean) {
    this.gateChanges.push({ key, isPaused });
  }

  async pinFlowControl(_tenantId: string, key: string, pin: Pin) {
    this.gateChanges.push({ key, pin });
  }

  async unpinFlowControl(_tenantId: string, key: string, what: object) {
    this.gateChanges.push({ key, unpin: what });
  }

  async resetFlowControlRate(_tenantId: string, key: string) {
    this.gateChanges.push({ key, reset: true });
  }

  async getGlobalParallelism() {
    return { max: 256, count: 3 };
  }

  publishTogether(commands: readonly PublishCommand[]) {
    return Promise.all(commands.map((command) => this.publish(command)));
  }

  async publish(command: PublishCommand) {
    if (this.fault !== undefined) throw this.fault;
    if (this.unavailable !== undefined) {
      return { kind: "unavailable", ...this.unavailable } as const;
    }
    this.published.push(command);
    const messageId = uuid(this.published.length);
    if (command.deduplication?.kind !== "id") {
      return { kind: "accepted", messageId, deduplicated: false } as const;
    }
    const { id } = command.deduplication;
    const first = this.#byDeduplicationId.get(id);
    this.#byDeduplicationId.set(id, first ?? messageId);
    const deduplicated = first !== undefined;
    return { kind: "accepted", messageId: first ?? messageId, deduplicated } as const;
  }

  async getMessage(tenantId: string, messageId: string) {
    const message = this.messages.get(messageId);
    return message?.tenantId === tenantId ? message : null;
  }

  async cancelMessages(_tenantId: string, selection: CancelSelection) {
    this.cancellations.push(selection);
    return this.cancelled;
  }

  async listLogs(_tenantId: string, query: LogQuery) {
    this.logQueries.push(query);
    return this.logs;
  }

  async listDeadLetters(_tenantId: string, query: DeadLetterQuery) {
    this.deadLetterQueries.push(query);
    if (query.cursor === "not-ours") return { kind: "bad-cursor" } as const;
    const cursor = this.deadLetterCursor;
    const page = { items: this.deadLetters, ...(cursor === undefined ? {} : { cursor }) };
    return { kind: "page", page } as const;
  }

  async getDeadLetter(_tenantId: string, id: string) {
    return this.deadLetters.find((entry) => entry.id === id) ?? null;
  }

  async deleteDeadLetters(_tenantId: string, selection: DeadLetterSelection) {
    this.deletions.push(selection);
    return this.deletion;
  }

  async retryDeadLetters(
    _tenantId: string,
    selection: DeadLetterSelection,
    overrides: RetryOverrides,
  ) {
    this.retries.push({ selection, overrides });
    return this.retry;
  }

  async createSchedule(command: ScheduleCommand) {
    this.scheduled.push(command);
    return "created" as const;
  }

  async getSchedule(_tenantId: string, id: string) {
    return this.schedules.find((schedule) => schedule.id === id) ?? null;
  }

  async *listSchedules() {
    yield this.schedules;
  }

  async deleteSchedule(_tenantId: string, id: string) {
    this.scheduleChanges.push(`delete ${id}`);
    return this.schedules.some((schedule) => schedule.id === id);
  }

  async pauseSchedule(_tenantId: string, id: string) {
    this.scheduleChanges.push(`pause ${id}`);
    return this.schedules.some((schedule) => schedule.id === id);
  }

  async resumeSchedule(_tenantId: string, id: string) {
    this.scheduleChanges.push(`resume ${id}`);
    return this.schedules.some((schedule) => schedule.id === id);
  }

  async addEndpoints(_tenantId: string, topicName: string, endpoints: readonly Endpoint[]) {
    this.topicChanges.push({ verb: "add", topicName, endpoints });
    return this.addition;
  }

  async removeEndpoints(
    _tenantId: string,
    topicName: string,
    endpoints: readonly EndpointPattern[],
  ) {
    this.topicChanges.push({ verb: "remove", topicName, endpoints });
    return this.topics.has(topicName);
  }

  async setTopicHeaders(_tenantId: string, topicName: string, headers: HeaderMap) {
    this.topicChanges.push({ verb: "set headers", topicName, headers });
    return this.topics.has(topicName);
  }

  async deleteTopic(_tenantId: string, topicName: string) {
    this.topicChanges.push({ verb: "delete", topicName });
    return this.topics.has(topicName);
  }

  async getTopic(_tenantId: string, topicName: string) {
    return this.topics.get(topicName) ?? null;
  }

  async *listTopics() {
    yield [...this.topics.values()];
  }

  async getSigningKeys() {
    return KEYS;
  }

  async rotateSigningKeys() {
    this.rotations += 1;
    return { current: KEYS.next, next: "sig_new_key" };
  }
}

/** A uuidv7 of a known time, told apart by its last digits. */
export function uuid(number: number): string {
  return `0198b2f4-6d00-7000-8000-${number.toString(16).padStart(12, "0")}`;
}
