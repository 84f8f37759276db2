import type { Operations } from "@omnistore/domain/operations";
import { decodeScheduleSettings } from "../headers/schedule-settings.ts";
import { makeScheduleId } from "../ids.ts";
import type { PublishRequest } from "../publish/publish-request.ts";
import { reply } from "../reply.ts";
import { readBody } from "../request/body.ts";

/** Creates the schedule, or replaces the one of the same id, and answers with its id. Contract 03 §3. */
export async function createSchedule(
  operations: Operations,
  { caller, receivers, configuration, context, incoming }: PublishRequest,
): Promise<Response> {
  const { cron, template, id } = decodeScheduleSettings(configuration, context);
  const body = await readBody(incoming);
  // Whom a topic means is asked again at every tick.
  const destination = receivers.kind === "url" ? receivers.url : receivers.topic.name;
  const scheduleId = id ?? makeScheduleId();
  await operations.createSchedule({
    tenantId: caller.tenantId,
    id: scheduleId,
    cron,
    template: { wire: "qstash", destination, body, ...template },
  });
  return reply(200, { scheduleId });
}
