import { until } from "@omnistore/testkit/until";

import { ask, asOperator } from "./operator.ts";
import type { RunningNode } from "./running-node.ts";
import { DESTINATION, type Ids } from "./served-requests.ts";

export interface Identity {
  readonly id: string;
  readonly token: string;
  readonly readonlyToken: string;
}

export async function newTenant(node: RunningNode, name: string): Promise<Identity> {
  const { body } = await asOperator(node, "POST", "/tenants", { name });
  return body as Identity;
}

export async function issueToken(
  node: RunningNode,
  tenantId: string,
  role: string,
  over: object = {},
): Promise<{ readonly id: string; readonly token: string }> {
  const given = { name: role, role, ...over };
  const { body } = await asOperator(node, "POST", `/tenants/${tenantId}/tokens`, given);
  return body as { id: string; token: string };
}

/** Another id of the same form. */
export const alterId = (id: string) => id.slice(0, -1) + (id.endsWith("7") ? "6" : "7");

/** One thing of each kind that a tenant can have, and their ids by kind. */
export async function makeThings(node: RunningNode, tenant: Identity, suffix = "1"): Promise<Ids> {
  const make = (method: string, path: string, body?: unknown) =>
    ask(node.url, method, path, { token: tenant.token, body });
  const far = `${DESTINATION}?upstash-delay=1d`;
  const { body: message } = await make("POST", `/v2/publish/${far}`, {});
  await make("POST", `/v2/topics/topic-${suffix}/endpoints`, {
    endpoints: [{ url: DESTINATION }],
  });
  await make("POST", "/v2/queues", { queueName: `queue-${suffix}` });
  const flow = `upstash-flow-control-key=flow-${suffix}&upstash-flow-control-value=parallelism%3D1`;
  await make("POST", `/v2/publish/${far}&${flow}&upstash-deduplication-id=once-${suffix}`, {});
  const cron = `upstash-cron=0%200%20*%20*%20*&upstash-schedule-id=schedule-${suffix}`;
  await make("POST", `/v2/schedules/${DESTINATION}?${cron}`, {});
  await make(
    "POST",
    `/v2/publish/${DESTINATION}?upstash-retries=0&upstash-label=label-${suffix}`,
    {},
  );
  const dead = await until(async () => {
    const { body } = await make("GET", "/v2/dlq");
    return body.messages[0] as { dlqId: string; messageId: string } | undefined;
  });
  return {
    message: message.messageId,
    topic: `topic-${suffix}`,
    queue: `queue-${suffix}`,
    flow: `flow-${suffix}`,
    once: `once-${suffix}`,
    label: `label-${suffix}`,
    schedule: `schedule-${suffix}`,
    deadLetter: dead.dlqId,
    deadMessage: dead.messageId,
    token: (await issueToken(node, tenant.id, "full")).id,
    tenant: tenant.id,
  };
}
