import type { Operations } from "@omnistore/domain/operations";
import type { Tell } from "@omnistore/domain/tenant/audit";
import { limitText } from "@omnistore/domain/tenant/limit-text";
import { quote } from "@omnistore/domain/quote";
import { InvalidRequest } from "../errors.ts";
import { decodeScheduleSettings, refuseOwnSettings } from "../headers/schedule-settings.ts";
import { makeScheduleId } from "../ids.ts";
import { checkHosts, urlsOf } from "../publish/check-hosts.ts";
import type { PublishRequest } from "../publish/publish-request.ts";
import { readScheduleBody, tooManyQueues } from "../publish/within-plan.ts";
import { reply } from "../reply.ts";
import { writeOwnSettings } from "../schedule/own-settings.ts";
import { audited } from "../request/audit.ts";
import type { WireServices } from "./guarded.ts";

/** Creates the schedule, or replaces the one of the same id, and answers with its id. Contract 03 §3. */
export function createSchedule(services: WireServices, request: PublishRequest): Promise<Response> {
  const { caller, incoming } = request;
  return audited(services, caller, incoming, (tell) => create(services.operations, request, tell));
}

async function create(
  operations: Operations,
  { caller, receivers, configuration, own, context, incoming }: PublishRequest,
  tell: Tell,
): Promise<Response> {
  refuseOwnSettings(own);
  const { cron, template, id } = decodeScheduleSettings(configuration, context);
  await checkHosts(operations, urlsOf(receivers, template.options));
  const body = await readScheduleBody(incoming, caller.plan);
  // Whom a topic means, and what its headers say, is asked again at every tick.
  const destination = receivers.kind === "url" ? receivers.url : receivers.topic.name;
  const scheduleId = id ?? makeScheduleId();
  const outcome = await operations.createSchedule(
    {
      tenantId: caller.tenantId,
      id: scheduleId,
      cron,
      template: { wire: "qstash", destination, body, ...template },
      ...(receivers.kind === "topic" && { ownSettings: writeOwnSettings(own, context) }),
    },
    caller.plan.limits,
  );
  switch (outcome) {
    case "created":
      tell(`schedule ${scheduleId}`);
      return reply(200, { scheduleId });
    case "too-many-schedules": {
      const limit = limitText(caller.plan, "schedules");
      throw new InvalidRequest(412, `schedule ${quote(scheduleId)} would be more than ${limit}`);
    }
    case "too-many-queues":
      throw tooManyQueues(template.options.queueName ?? "", caller.plan);
  }
}
