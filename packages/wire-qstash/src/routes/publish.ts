import type { Operations } from "@omnistore/domain/operations";
import type { PublishCommand } from "@omnistore/domain/publish/publish-command";
import type { Plan } from "@omnistore/domain/tenant/plans";
import { accessProblem } from "@omnistore/domain/tenant/tenant";
import { InvalidRequest } from "../errors.ts";
import { decodePublishSettings } from "../headers/publish-settings.ts";
import { refuseQueueName } from "../headers/queue-name.ts";
import { submit, unavailableReply } from "../publish/answer.ts";
import { checkHosts, urlsOf } from "../publish/check-hosts.ts";
import { publishCommands } from "../publish/commands.ts";
import type {
  PublishRequest,
  PublishRouteOptions,
  PublishRouteShape,
} from "../publish/publish-request.ts";
import { readPublishRequest } from "../publish/publish-request.ts";
import { reply } from "../reply.ts";
import type { Receivers } from "../publish/receivers.ts";
import type { Credential } from "../request/authentication.ts";
import { overBudget } from "../request/rate-limit.ts";
import { makeQueue, readMessageBody } from "../publish/within-plan.ts";
import { createSchedule } from "./create-schedule.ts";
import type { WireHandler, WireServices } from "./guarded.ts";
import { guarded, methodRefused } from "./guarded.ts";

/** Methods that a third party's webhook may use with the token in its URL. Contract 07 Q15. */
const WEBHOOK_METHODS: ReadonlySet<string> = new Set(["GET", "PUT", "PATCH", "DELETE"]);

/** `POST /v2/publish/{destination}`: to a URL, or to each endpoint of a topic. Contract 01 §1. */
export function publishRoute(services: WireServices, options: PublishRouteOptions): WireHandler {
  const shape: PublishRouteShape = {
    verbPath: "/v2/publish/",
    access: "publish",
    checkMethod: (method, credential) => checkMethod(method, credential, "/v2/publish"),
  };
  return guarded(services, async ({ env: { incoming } }) =>
    publishOne(services, await readPublishRequest(services, options, shape, incoming)),
  );
}

/** Publishes what a request brings. 202 says that all of it is a duplicate. Contract 01 §5, §8. */
export async function publishOne(
  services: WireServices,
  request: PublishRequest,
): Promise<Response> {
  const { operations } = services;
  const { caller, receivers, configuration, own, context, incoming } = request;
  // Contract 07 Q13: with a cron it is a schedule.
  if (configuration.settings.has("cron")) {
    const problem = accessProblem(caller, "write");
    if (problem !== null) throw new InvalidRequest(403, problem);
    return createSchedule(services, request);
  }
  refuseQueueName(own, context.queueName);
  const settings = decodePublishSettings(configuration, context);
  await checkHosts(operations, urlsOf(receivers, settings.options));
  const body = await readMessageBody(incoming, caller.plan);
  const message = { ...settings, tenantId: caller.tenantId, body };
  const commands = publishCommands(receivers, message);
  await makeQueue(operations, caller, context.queueName);
  // Not awaited here: what was read is forgotten while its messages wait to be stored.
  return submitAndReply(operations, receivers, commands, caller.plan);
}

async function submitAndReply(
  operations: Operations,
  receivers: Receivers,
  commands: readonly PublishCommand[],
  plan: Plan,
): Promise<Response> {
  const answer = await submit(operations, receivers, commands, plan);
  if (answer.kind === "over-budget") throw overBudget(answer.spent, plan);
  if (answer.kind === "unavailable") return unavailableReply(answer);
  return reply(answer.isDuplicate ? 202 : 200, answer.value);
}

/** Throws 405 for a method by which nothing is published at `path`. */
export function checkMethod(method: string, { source }: Credential, path: string): void {
  if (method === "POST" || (source === "query" && WEBHOOK_METHODS.has(method))) return;
  throw methodRefused(method, path, ["POST"]);
}
