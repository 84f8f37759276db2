import type { DestinationPolicy } from "@omnistore/domain/deliver/destination-policy";
import type { DeliveryWire } from "@omnistore/domain/delivery-wire";
import type { Operations } from "@omnistore/domain/operations";
import { Hono } from "hono";
import { isNonRetryable } from "./delivery/answer.ts";
import { callbackBody } from "./delivery/callback.ts";
import { dressAttempt } from "./delivery/request.ts";
import { InvalidRequest, quote } from "./errors.ts";
import { cancelMessageRoute, cancelMessagesRoute } from "./routes/cancel-messages.ts";
import { getDeadLetterRoute, listDeadLettersRoute } from "./routes/dead-letters.ts";
import { deleteDeadLetterRoute, deleteDeadLettersRoute } from "./routes/delete-dead-letters.ts";
import {
  flowControlVerbs,
  getFlowControlRoute,
  globalParallelismRoute,
  listFlowControlRoute,
} from "./routes/flow-control.ts";
import type { WireEnv, WireHandler, WireServices } from "./routes/guarded.ts";
import { guarded, onlyMethods } from "./routes/guarded.ts";
import { batchRoute } from "./routes/batch.ts";
import { enqueueRoute } from "./routes/enqueue.ts";
import { getKeysRoute, rotateKeysRoute } from "./routes/keys.ts";
import { chatRoute } from "./routes/llm.ts";
import { listLogsRoute } from "./routes/logs.ts";
import { getMessageRoute } from "./routes/messages.ts";
import { publishRoute } from "./routes/publish.ts";
import {
  deleteQueueRoute,
  getQueueRoute,
  listQueuesRoute,
  pauseQueueRoute,
  upsertQueueRoute,
} from "./routes/queues.ts";
import { refuseEmptyId } from "./routes/refuse-empty-id.ts";
import { retryDeadLetterRoute, retryDeadLettersRoute } from "./routes/retry-dead-letters.ts";
import { listSchedulesRoute, scheduleRoutes } from "./routes/schedules.ts";
import {
  addEndpointsRoute,
  deleteTopicRoute,
  getTopicRoute,
  listTopicsRoute,
  removeEndpointsRoute,
  setTopicHeadersRoute,
} from "./routes/topics.ts";

export { deliveredMessageId } from "./delivery/delivered-message.ts";

export interface QstashRouteOptions {
  /** Where messages may go. */
  readonly destinations: DestinationPolicy;
  /** Told of every failure that is not the caller's; a process warning when absent. */
  readonly onError?: (error: unknown) => void;
}

/**
 * The QStash v2 routes, to be mounted at `/` of an app that runs on `@hono/node-server`. Every
 * answer is JSON, errors as `{error}`. Contract 00 §3, §10.
 */
export function qstashRoutes(operations: Operations, options: QstashRouteOptions): Hono<WireEnv> {
  const services: WireServices = { operations, onError: options.onError ?? warn };
  const app = new Hono<WireEnv>();
  /** The last route of a path: `others` are the methods that were given a handler before. */
  const get = (path: string, handler: WireHandler, ...others: readonly string[]) => {
    app.get(path, handler).all(path, onlyMethods(services, ["GET", ...others]));
  };
  // A slash at the end of a collection changes nothing (contract 00 §1).
  const getCollection = (path: string, handler: WireHandler, ...others: readonly string[]) => {
    get(path, handler, ...others);
    get(`${path}/`, handler, ...others);
  };
  /** An empty name between two slashes is a bad name, not another path. */
  const postTo = (collection: string, verb: string, handler: WireHandler) => {
    app.post(`${collection}/:name/${verb}`, handler).post(`${collection}//${verb}`, handler);
  };

  app.all("/v2/publish/*", publishRoute(services, options));
  app.all("/v2/enqueue/*", enqueueRoute(services, options));
  for (const path of ["/v2/batch", "/v2/batch/"]) {
    app.post(path, batchRoute(services, options)).all(path, onlyMethods(services, ["POST"]));
  }
  getCollection("/v2/topics", listTopicsRoute(services));
  app.delete("/v2/topics/:name", deleteTopicRoute(services));
  app.patch("/v2/topics/:name", setTopicHeadersRoute(services, options));
  get("/v2/topics/:name", getTopicRoute(services), "DELETE", "PATCH");
  app.post("/v2/topics/:name/endpoints", addEndpointsRoute(services, options));
  app.delete("/v2/topics/:name/endpoints", removeEndpointsRoute(services));
  app.all("/v2/topics/:name/endpoints", onlyMethods(services, ["POST", "DELETE"]));
  getCollection("/v2/schedules", listSchedulesRoute(services));
  app.all("/v2/schedules/*", scheduleRoutes(services, options));
  app.delete("/v2/messages", cancelMessagesRoute(services));
  app.delete("/v2/messages/", refuseEmptyId(services, "/v2/messages"));
  app.delete("/v2/messages/:id", cancelMessageRoute(services));
  get("/v2/messages/:id", getMessageRoute(services), "DELETE");
  getCollection("/v2/events", listLogsRoute(services, "events"));
  getCollection("/v2/logs", listLogsRoute(services, "logs"));
  app.post("/v2/dlq/retry", retryDeadLettersRoute(services, options));
  app.post("/v2/dlq/retry/", refuseEmptyId(services, "/v2/dlq/retry"));
  app.post("/v2/dlq/retry/:id", retryDeadLetterRoute(services, options));
  app.delete("/v2/dlq", deleteDeadLettersRoute(services));
  app.delete("/v2/dlq/", refuseEmptyId(services, "/v2/dlq"));
  app.delete("/v2/dlq/:id", deleteDeadLetterRoute(services));
  getCollection("/v2/dlq", listDeadLettersRoute(services), "DELETE");
  get("/v2/dlq/:id", getDeadLetterRoute(services), "DELETE");
  app.post("/v2/keys/rotate", rotateKeysRoute(services));
  getCollection("/v2/keys", getKeysRoute(services));
  app.post("/llm/v1/chat/completions", chatRoute(services));
  app.post("/v2/queues", upsertQueueRoute(services));
  app.post("/v2/queues/", upsertQueueRoute(services));
  getCollection("/v2/queues", listQueuesRoute(services), "POST");
  app.delete("/v2/queues/:name", deleteQueueRoute(services));
  get("/v2/queues/:name", getQueueRoute(services), "DELETE");
  postTo("/v2/queues", "pause", pauseQueueRoute(services, true));
  postTo("/v2/queues", "resume", pauseQueueRoute(services, false));
  getCollection("/v2/flowControl", listFlowControlRoute(services));
  get("/v2/flowControl/:name", getFlowControlRoute(services));
  for (const [verb, handler] of Object.entries(flowControlVerbs(services))) {
    postTo("/v2/flowControl", verb, handler);
  }
  getCollection("/v2/globalParallelism", globalParallelismRoute(services));
  app.all("/v2/*", unknownRoute(services));
  return app;
}

/** How messages that were published here look to their receivers. `region` is told to receivers only. */
export function qstashDelivery(options: { readonly region: string }): DeliveryWire {
  return {
    dress: (message, context) => dressAttempt(message, context, options.region),
    isNonRetryable,
    callbackBody,
  };
}

function unknownRoute(services: WireServices): WireHandler {
  return guarded(services, ({ req }) =>
    Promise.reject(new InvalidRequest(404, `there is no route ${req.method} ${quote(req.path)}`)),
  );
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error));
}
