import type { Queue } from "@omnistore/domain/gate/queue";
import { limitText } from "@omnistore/domain/tenant/limit-text";
import { quote } from "@omnistore/domain/quote";
import { InvalidRequest } from "../errors.ts";
import { checkName } from "../headers/name.ts";
import { tooManyQueues } from "../publish/within-plan.ts";
import { replyList } from "../reply-list.ts";
import { reply } from "../reply.ts";
import { quoteJson, readJsonObject } from "../request/json-body.ts";
import { refuseUnknownNames } from "../request/known-names.ts";
import type { WireHandler, WireServices } from "./guarded.ts";
import { readRoute, writeRoute } from "./guarded.ts";

/** `GET /v2/queues`. Contract 03 §2. */
export function listQueuesRoute(services: WireServices): WireHandler {
  const { operations, onError } = services;
  return readRoute(services, ({ caller }) =>
    replyList(operations.listQueues(caller.tenantId), queueView, onError),
  );
}

/** `POST /v2/queues`: creates a queue or changes it. `paused` is set when it is given. */
export function upsertQueueRoute(services: WireServices): WireHandler {
  return writeRoute(services, async ({ caller, context, tell }) => {
    const body = await readJsonObject(context.env.incoming);
    refuseUnknownNames(body, ["queueName", "parallelism", "paused"], "the body");
    const { queueName, parallelism, paused } = body;
    if (typeof queueName !== "string") throw bad("queueName", queueName, "is not a text");
    const { plan, tenantId } = caller;
    const name = checkName("queueName", queueName);
    const settings = { name, parallelism: parallelismOf(parallelism), ...pausedOf(paused) };
    if (settings.parallelism > (plan.limits.parallelismPerQueue ?? MOST)) {
      const limit = limitText(plan, "parallelismPerQueue");
      throw new InvalidRequest(412, `parallelism ${settings.parallelism} is more than ${limit}`);
    }
    const made = await services.operations.upsertQueue(tenantId, settings, plan.limits);
    if (!made) throw tooManyQueues(name, plan);
    tell(JSON.stringify(settings));
    return reply(200, {});
  });
}

/** `GET /v2/queues/{name}`. */
export function getQueueRoute(services: WireServices): WireHandler {
  return readRoute(services, async ({ caller, context }) => {
    const name = checkName("queue name", context.req.param("name") ?? "");
    const queue = await services.operations.getQueue(caller.tenantId, name);
    if (queue === null) throw notFound(name);
    return reply(200, queueView(queue));
  });
}

/** `DELETE /v2/queues/{name}`: also when there is none. Contract 07 Q22. */
export function deleteQueueRoute(services: WireServices): WireHandler {
  return writeRoute(services, async ({ caller, context }) => {
    const name = checkName("queue name", context.req.param("name") ?? "");
    await services.operations.deleteQueue(caller.tenantId, name);
    return reply(200, {});
  });
}

/** `POST /v2/queues/{name}/pause` and `/resume`. */
export function pauseQueueRoute(services: WireServices, isPaused: boolean): WireHandler {
  return writeRoute(services, async ({ caller, context }) => {
    const name = checkName("queue name", context.req.param("name") ?? "");
    const exists = await services.operations.setQueuePaused(caller.tenantId, name, isPaused);
    if (!exists) throw notFound(name);
    return reply(200, {});
  });
}

function queueView(queue: Queue) {
  return {
    name: queue.name,
    createdAt: queue.createdAt,
    updatedAt: queue.updatedAt,
    parallelism: queue.parallelism,
    paused: queue.isPaused,
    lag: queue.lag,
  };
}

function parallelismOf(value: unknown): number {
  if (value === undefined || value === null) return 1;
  if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= MOST) {
    return value;
  }
  throw bad("parallelism", value, `is not a whole number from 1 to ${MOST}`);
}

/** As many as a Postgres integer holds. */
const MOST = 2 ** 31 - 1;

function pausedOf(value: unknown): { isPaused?: boolean } {
  if (value === undefined || value === null) return {};
  if (typeof value === "boolean") return { isPaused: value };
  throw bad("paused", value, "is neither true nor false");
}

function bad(field: string, value: unknown, what: string): InvalidRequest {
  return new InvalidRequest(400, `${field} ${what}: ${quoteJson(value)}`);
}

function notFound(name: string): InvalidRequest {
  return new InvalidRequest(404, `queue ${quote(name)} not found`);
}
