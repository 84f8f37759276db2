import { limitText } from "@omnistore/domain/tenant/limit-text";
import { defaultRetries } from "@omnistore/domain/tenant/plans";
import { quote } from "@omnistore/domain/quote";
import { InvalidRequest } from "../errors.ts";
import { checkName, isName } from "../headers/name.ts";
import { callbackUrls, checkHosts } from "../publish/check-hosts.ts";
import type { PublishRouteOptions } from "../publish/publish-request.ts";
import { replyList } from "../reply-list.ts";
import { reply } from "../reply.ts";
import { readJsonObject } from "../request/json-body.ts";
import { topicView } from "../views/topic-view.ts";
import type { CallerRequest, WireHandler, WireServices } from "./guarded.ts";
import { readRoute, writeRoute } from "./guarded.ts";
import { decodeEndpoints, decodePatterns, decodeTopicHeaders } from "./topic-body.ts";

/** `POST /v2/topics/{name}/endpoints`: creates the topic when there is none. Contract 03 §4. */
export function addEndpointsRoute(
  { operations, onError }: WireServices,
  { destinations }: PublishRouteOptions,
): WireHandler {
  return writeRoute({ operations, onError }, async ({ caller, context, tell }) => {
    const name = checkName("the topic name", context.req.param("name") ?? "");
    const body = await readJsonObject(context.env.incoming);
    const endpoints = decodeEndpoints(body, destinations);
    await checkHosts(
      operations,
      endpoints.map(({ url }, index) => ({ field: `endpoints[${index}].url`, url })),
    );
    const outcome = await operations.addEndpoints(
      caller.tenantId,
      name,
      endpoints,
      caller.plan.limits,
    );
    switch (outcome.kind) {
      case "added":
        tell(endpoints.map(({ url }) => url).join(" "));
        return reply(200, {});
      case "doubled-url": {
        const names = outcome.names.map(quote).join(" and ");
        throw new InvalidRequest(
          400,
          `endpoints: ${names} would both have the url ${quote(outcome.url)}, which a message can reach once only`,
        );
      }
      case "too-many-endpoints":
        throw new InvalidRequest(
          412,
          `endpoints: ${outcome.count} are more than ${limitText(caller.plan, "endpointsPerTopic")}`,
        );
      case "too-many-topics":
        throw new InvalidRequest(
          412,
          `topic ${quote(name)} would be more than ${limitText(caller.plan, "topics")}`,
        );
    }
  });
}

/** `DELETE /v2/topics/{name}/endpoints`: with its last endpoint the topic is gone. */
export function removeEndpointsRoute({ operations, onError }: WireServices): WireHandler {
  return writeRoute({ operations, onError }, async (request) => {
    const body = await readJsonObject(request.context.env.incoming);
    const patterns = decodePatterns(body);
    return done(request, (tenantId, name) => operations.removeEndpoints(tenantId, name, patterns));
  });
}

/** `PATCH /v2/topics/{name}`: headers for messages that do not bring their own, all of them anew. */
export function setTopicHeadersRoute(
  { operations, onError }: WireServices,
  { destinations }: PublishRouteOptions,
): WireHandler {
  return writeRoute({ operations, onError }, async (request) => {
    const body = await readJsonObject(request.context.env.incoming);
    const { headers, options } = decodeTopicHeaders(body, {
      nowMs: operations.nowMs(),
      callerIp: undefined,
      authorizationIsOurs: false,
      plan: request.caller.plan,
      defaultRetries: defaultRetries(request.caller.plan),
      destinations,
    });
    await checkHosts(operations, callbackUrls(options));
    return done(request, (tenantId, name) => operations.setTopicHeaders(tenantId, name, headers));
  });
}

/** `DELETE /v2/topics/{name}`: messages on their way go on. */
export function deleteTopicRoute({ operations, onError }: WireServices): WireHandler {
  return writeRoute({ operations, onError }, (request) =>
    done(request, (tenantId, name) => operations.deleteTopic(tenantId, name)),
  );
}

/** `GET /v2/topics/{name}`. */
export function getTopicRoute(services: WireServices): WireHandler {
  return readRoute(services, async ({ caller, context }) => {
    const name = nameIn(context);
    const topic = await services.operations.getTopic(caller.tenantId, name);
    if (topic === null) throw notFound(name);
    return reply(200, topicView(topic));
  });
}

/** `GET /v2/topics`. */
export function listTopicsRoute(services: WireServices): WireHandler {
  const { operations, onError } = services;
  return readRoute(services, ({ caller }) =>
    replyList(operations.listTopics(caller.tenantId), topicView, onError),
  );
}

/** The answer of a change that needs the topic to exist. Contract 07 Q22. */
async function done(
  { caller, context }: CallerRequest,
  change: (tenantId: string, name: string) => Promise<boolean>,
): Promise<Response> {
  const name = nameIn(context);
  if (!(await change(caller.tenantId, name))) throw notFound(name);
  return reply(200, {});
}

/** The topic that a path names; 404 for what no topic can be called. */
function nameIn(context: CallerRequest["context"]): string {
  const name = context.req.param("name") ?? "";
  if (isName(name)) return name;
  throw notFound(name);
}

function notFound(name: string): InvalidRequest {
  return new InvalidRequest(404, `topic ${quote(name)} not found`);
}
