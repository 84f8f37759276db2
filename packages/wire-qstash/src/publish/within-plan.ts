import type { IncomingMessage } from "node:http";
import { MAX_REQUEST_BYTES } from "@omnistore/domain/message/limits";
import type { Operations } from "@omnistore/domain/operations";
import { limitOrigin, limitText } from "@omnistore/domain/tenant/limit-text";
import type { Plan } from "@omnistore/domain/tenant/plans";
import type { Caller } from "@omnistore/domain/tenant/tenant";
import { quote } from "@omnistore/domain/quote";
import { InvalidRequest } from "../errors.ts";
import { readBody } from "../request/body.ts";

/** The body of one message. Throws 413 for more than the plan allows. Contract 06 §4. */
export async function readMessageBody(incoming: IncomingMessage, plan: Plan): Promise<Buffer> {
  return readBody(incoming, plan.limits.messageBytes, () => limitOrigin(plan, "messageBytes"));
}

/** The body of a schedule. Throws 413 for more than the plan allows, or than is read at every tick. */
export async function readScheduleBody(incoming: IncomingMessage, plan: Plan): Promise<Buffer> {
  if (plan.limits.messageBytes <= MAX_REQUEST_BYTES) return readMessageBody(incoming, plan);
  return readBody(incoming, MAX_REQUEST_BYTES, () => "which is the most that a schedule takes");
}

/**
 * Sees to it that the queue is there. Throws 412 when it would be one more than the plan allows. Comes
 * last before messages are stored: nothing that is refused for another reason makes a queue.
 */
export async function makeQueue(
  operations: Pick<Operations, "makeQueue">,
  { tenantId, plan }: Caller,
  name: string | undefined,
): Promise<void> {
  if (name === undefined || (await operations.makeQueue(tenantId, name, plan.limits))) return;
  throw tooManyQueues(name, plan);
}

export function tooManyQueues(name: string, plan: Plan): InvalidRequest {
  const text = `queue ${quote(name)} would be more than ${limitText(plan, "queues")}`;
  return new InvalidRequest(412, text);
}
