import type { FlowControlKey, Pin } from "@omnistore/domain/gate/flow-control-key";
import { MAX_FLOW_CONTROL_PERIOD_SECONDS } from "@omnistore/domain/message/limits";
import { quote } from "@omnistore/domain/quote";
import { InvalidRequest } from "../errors.ts";
import { decodeBoolean } from "../headers/boolean.ts";
import { keyProblem } from "../headers/flow-control.ts";
import { replyList } from "../reply-list.ts";
import { reply } from "../reply.ts";
import type { CallerRequest, WireHandler, WireServices } from "./guarded.ts";
import { readRoute, writeRoute, writeRouteWithQuery } from "./guarded.ts";
import { ListParameters } from "./list-parameters.ts";
import { strictParameters } from "./strict-parameters.ts";

/** As many as a Postgres integer holds. */
const MOST = 2 ** 31 - 1;

/** `GET /v2/flowControl`, optionally only keys that hold `search`. Contract 03 §6. */
export function listFlowControlRoute(services: WireServices): WireHandler {
  const { operations, onError } = services;
  return readRoute(services, async ({ caller, parameters }) => {
    const search = new ListParameters(parameters).one("search");
    return replyList(operations.listFlowControlKeys(caller.tenantId, search), keyView, onError);
  });
}

/** `GET /v2/flowControl/{key}`. */
export function getFlowControlRoute(services: WireServices): WireHandler {
  return readRoute(services, async (request) => {
    const key = keyOf(request);
    const found = await services.operations.getFlowControlKey(request.caller.tenantId, key);
    if (found === null) throw new InvalidRequest(404, `flow-control key ${quote(key)} not found`);
    return reply(200, keyView(found));
  });
}

/** `GET /v2/globalParallelism`. */
export function globalParallelismRoute(services: WireServices): WireHandler {
  return readRoute(services, async ({ caller }) => {
    const { max, count } = await services.operations.getGlobalParallelism(
      caller.tenantId,
      caller.plan.limits,
    );
    return reply(200, { parallelismMax: max, parallelismCount: count });
  });
}

/** `POST /v2/flowControl/{key}/{verb}`, by verb. */
export function flowControlVerbs(services: WireServices): Record<string, WireHandler> {
  const { operations } = services;
  const verb = (
    change: (tenantId: string, key: string, request: CallerRequest) => Promise<void>,
    route = writeRoute,
  ): WireHandler =>
    route(services, async (request) => {
      await change(request.caller.tenantId, keyOf(request), request);
      return reply(200, {});
    });
  const reset = verb((tenantId, key) => operations.resetFlowControlRate(tenantId, key));
  return {
    pause: verb((tenantId, key) => operations.setFlowControlPaused(tenantId, key, true)),
    resume: verb((tenantId, key) => operations.setFlowControlPaused(tenantId, key, false)),
    pin: verb(
      (tenantId, key, request) => operations.pinFlowControl(tenantId, key, pinOf(request)),
      writeRouteWithQuery,
    ),
    unpin: verb((tenantId, key, { parameters }) => {
      const given = strictParameters(parameters, ["parallelism", "rate"]);
      return operations.unpinFlowControl(tenantId, key, {
        parallelism: decodeBoolean("parallelism", given.one("parallelism")),
        rate: decodeBoolean("rate", given.one("rate")),
      });
    }, writeRouteWithQuery),
    resetRate: reset,
    // Superseded by resetRate; what is under way is counted, so there is nothing else to reset.
    reset,
  };
}

function keyOf({ context }: CallerRequest): string {
  const key = context.req.param("name") ?? "";
  const problem = keyProblem(key);
  if (problem === null) return key;
  throw new InvalidRequest(400, `the flow-control key ${quote(key)} ${problem}`);
}

function pinOf({ parameters }: CallerRequest): Pin {
  const given = strictParameters(parameters, ["parallelism", "rate", "period"]);
  const parallelism = wholeNumber(given, "parallelism", MOST);
  const rate = wholeNumber(given, "rate", MOST);
  const periodSeconds = wholeNumber(given, "period", MAX_FLOW_CONTROL_PERIOD_SECONDS);
  if (parallelism === undefined && rate === undefined) {
    throw new InvalidRequest(400, "a pin needs parallelism, rate or both as query parameters");
  }
  if (periodSeconds !== undefined && rate === undefined) {
    throw new InvalidRequest(
      400,
      `period "${periodSeconds}" is the period of a rate: give rate too`,
    );
  }
  return {
    ...(parallelism === undefined ? {} : { parallelism }),
    ...(rate === undefined ? {} : { rate }),
    ...(periodSeconds === undefined ? {} : { periodSeconds }),
  };
}

function wholeNumber(given: ListParameters, name: string, most: number): number | undefined {
  const value = given.one(name);
  if (value === undefined) return undefined;
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= 1 && number <= most) return number;
  throw new InvalidRequest(400, `${name} is not a whole number from 1 to ${most}: ${quote(value)}`);
}

/** Every field is always there: clients read them all. A limit that is not set is 0. */
function keyView(key: FlowControlKey) {
  return {
    flowControlKey: key.key,
    waitListSize: key.waiting,
    parallelismMax: key.parallelism ?? 0,
    parallelismCount: key.active,
    rateMax: key.rate ?? 0,
    rateCount: key.rateCount,
    ratePeriod: key.periodSeconds,
    ratePeriodStart: Math.floor((key.periodStartedAt ?? 0) / 1000),
    isPaused: key.isPaused,
    isPinnedParallelism: key.isPinnedParallelism,
    isPinnedRate: key.isPinnedRate,
  };
}
