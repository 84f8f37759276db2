import type { Operations } from "@omnistore/domain/operations";
import { quote } from "@omnistore/domain/quote";
import { InvalidRequest } from "../errors.ts";
import { isName } from "../headers/name.ts";
import type { PublishRouteOptions } from "../publish/publish-request.ts";
import { readPublishRequest } from "../publish/publish-request.ts";
import { replyList } from "../reply-list.ts";
import { reply } from "../reply.ts";
import { splitTarget } from "../request/target.ts";
import { scheduleView } from "../views/schedule-view.ts";
import { createSchedule } from "./create-schedule.ts";
import type { WireHandler, WireServices } from "./guarded.ts";
import { guarded, onlyMethods, readRoute, writeRoute } from "./guarded.ts";

const BASE = "/v2/schedules/";
/** One path segment, which may be followed by a verb. */
const ONE = /^([^/]+)(?:\/(pause|resume))?\/?$/;

/** The SDKs send PATCH; POST is what the same verbs of queues take. Contract 03 §3. */
const VERB_METHODS: readonly string[] = ["PATCH", "POST"];

/** `GET /v2/schedules`. Contract 03 §3. */
export function listSchedulesRoute(services: WireServices): WireHandler {
  const { operations, onError } = services;
  return readRoute(services, ({ caller }) =>
    replyList(operations.listSchedules(caller.tenantId), scheduleView, onError),
  );
}

/**
 * Everything below `/v2/schedules/`. What follows is a destination, which holds `://`, or the name of
 * a schedule in one segment; `pause` and `resume` are verbs after such a name only. Contract 07 Q39.
 */
export function scheduleRoutes(services: WireServices, options: PublishRouteOptions): WireHandler {
  const create = createScheduleRoute(services, options);
  const get = getScheduleRoute(services);
  const remove = changeScheduleRoute(services, "deleteSchedule");
  const verbs = {
    pause: changeScheduleRoute(services, "pauseSchedule"),
    resume: changeScheduleRoute(services, "resumeSchedule"),
  } as const;
  const refuseVerb = onlyMethods(services, VERB_METHODS);
  const refuseMethod = onlyMethods(services, ["GET", "POST", "DELETE"]);

  return (context) => {
    const { method = "", url = "" } = context.env.incoming;
    const verb = nameIn(url)?.verb;
    if (verb !== undefined) {
      return VERB_METHODS.includes(method) ? verbs[verb](context) : refuseVerb(context);
    }
    if (method === "POST") return create(context);
    if (method === "GET") return get(context);
    if (method === "DELETE") return remove(context);
    return refuseMethod(context);
  };
}

function createScheduleRoute(services: WireServices, options: PublishRouteOptions): WireHandler {
  return guarded(services, async ({ env: { incoming } }) => {
    const request = await readPublishRequest(
      services,
      options,
      { verbPath: BASE, access: "write" },
      incoming,
    );
    return createSchedule(services, request);
  });
}

function getScheduleRoute(services: WireServices): WireHandler {
  return readRoute(services, async ({ caller, context }) => {
    const id = idIn(context.env.incoming.url ?? "");
    const schedule = await services.operations.getSchedule(caller.tenantId, id);
    if (schedule === null) throw notFound(id);
    return reply(200, scheduleView(schedule));
  });
}

function changeScheduleRoute(
  { operations, onError }: WireServices,
  change: keyof Pick<Operations, "deleteSchedule" | "pauseSchedule" | "resumeSchedule">,
): WireHandler {
  return writeRoute({ operations, onError }, async ({ caller, context }) => {
    const id = idIn(context.env.incoming.url ?? "");
    const found = await operations[change](caller.tenantId, id);
    if (!found) throw notFound(id);
    return reply(200, {});
  });
}

/** The schedule that a request target names, and what is to be done with it; null for a destination. */
function nameIn(target: string): { name: string; verb: "pause" | "resume" | undefined } | null {
  const { path } = splitTarget(target);
  const [, segment = "", verb] = ONE.exec(path.slice(path.indexOf(BASE) + BASE.length)) ?? [];
  const name = decode(segment);
  if (name === "" || name.includes("://")) return null;
  return { name, verb: verb === "pause" || verb === "resume" ? verb : undefined };
}

/** The id of the schedule that a request target names; 404 when no schedule can have it. */
function idIn(target: string): string {
  const id = nameIn(target)?.name ?? "";
  if (!isName(id)) throw notFound(id);
  return id;
}

/** A name that cannot be decoded is nobody's. */
function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** Contract 07 Q22. */
function notFound(id: string): InvalidRequest {
  return new InvalidRequest(404, `schedule ${quote(id)} not found`);
}
