import type { DestinationPolicy } from "@omnistore/domain/deliver/destination-policy";
import type { DeliveryWire } from "@omnistore/domain/delivery-wire";
import type { Operations } from "@omnistore/domain/operations";
import { quote } from "@omnistore/domain/quote";
import { Hono } from "hono";
import { isNonRetryable } from "./delivery/answer.ts";
import { callbackBody } from "./delivery/callback.ts";
import { dressAttempt } from "./delivery/request.ts";
import { InvalidRequest } from "./errors.ts";
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
export { scheduleWire as qstashSchedules } from "./schedule/own-settings.ts";

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
  /** All methods of a path; any other is refused with their names. */
  const serve = (path: string, handlers: Readonly<Record<string, WireHandler>>) => {
    for (const [method, handler] of Object.entries(handlers)) app.on(method, path, handler);
    app.all(path, onlyMethods(services, Object.keys(handlers)));
  };
  // A slash at the end of a collection changes nothing (contract 00 §1).
  const serveCollection = (path: string, handlers: Readonly<Record<string, WireHandler>>) => {
    serve(path, handlers);
    serve(`${path}/`, handlers);
  };
  /** An empty name between two slashes is a bad name, not another path. */
  const postTo = (collection: string, verb: string, handler: WireHandler) => {
    serve(`${collection}/:name/${verb}`, { POST: handler });
    serve(`${collection}//${verb}`, { POST: handler });
  };
  const emptyId = (collection: string) => refuseEmptyId(services, collection);

  app.all("/v2/publish/*", publishRoute(services, options));
  app.all("/v2/enqueue/*", enqueueRoute(services, options));
  serveCollection("/v2/batch", { POST: batchRoute(services, options) });
  serveCollection("/v2/topics", { GET: listTopicsRoute(services) });
  serve("/v2/topics/:name", {
    GET: getTopicRoute(services),
    DELETE: deleteTopicRoute(services),
    PATCH: setTopicHeadersRoute(services, options),
  });
  serve("/v2/topics/:name/endpoints", {
    POST: addEndpointsRoute(services, options),
    DELETE: removeEndpointsRoute(services),
  });
  const schedules = scheduleRoutes(services, options);
  serveCollection("/v2/schedules", { GET: listSchedulesRoute(services) });
  app.all("/v2/schedules/*", schedules);
  serve("/v2/messages", { DELETE: cancelMessagesRoute(services) });
  serve("/v2/messages/", { DELETE: emptyId("/v2/messages") });
  serve("/v2/messages/:id", {
    GET: getMessageRoute(services),
    DELETE: cancelMessageRoute(services),
  });
  serveCollection("/v2/events", { GET: listLogsRoute(services, "events") });
  serveCollection("/v2/logs", { GET: listLogsRoute(services, "logs") });
  serve("/v2/dlq/retry", { POST: retryDeadLettersRoute(services, options) });
  serve("/v2/dlq/retry/", { POST: emptyId("/v2/dlq/retry") });
  serve("/v2/dlq/retry/:id", { POST: retryDeadLetterRoute(services, options) });
  serve("/v2/dlq", {
    GET: listDeadLettersRoute(services),
    DELETE: deleteDeadLettersRoute(services),
  });
  serve("/v2/dlq/", { GET: listDeadLettersRoute(services), DELETE: emptyId("/v2/dlq") });
  serve("/v2/dlq/:id", {
    GET: getDeadLetterRoute(services),
    DELETE: deleteDeadLetterRoute(services),
  });
  serve("/v2/keys/rotate", { POST: rotateKeysRoute(services) });
  serveCollection("/v2/keys", { GET: getKeysRoute(services) });
  serve("/llm/v1/chat/completions", { POST: chatRoute(services) });
  serveCollection("/v2/queues", {
    GET: listQueuesRoute(services),
    POST: upsertQueueRoute(services),
  });
  serve("/v2/queues/:name", {
    GET: getQueueRoute(services),
    DELETE: deleteQueueRoute(services),
  });
  postTo("/v2/queues", "pause", pauseQueueRoute(services, true));
  postTo("/v2/queues", "resume", pauseQueueRoute(services, false));
  serveCollection("/v2/flowControl", { GET: listFlowControlRoute(services) });
  serve("/v2/flowControl/:name", { GET: getFlowControlRoute(services) });
  for (const [verb, handler] of Object.entries(flowControlVerbs(services))) {
    postTo("/v2/flowControl", verb, handler);
  }
  serveCollection("/v2/globalParallelism", { GET: globalParallelismRoute(services) });
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
