import { startProcess, type RunningProcess } from "@omnistore/testkit/child-process";
import { until } from "@omnistore/testkit/until";
import { afterAll, beforeAll, expect, test } from "vitest";

import { moveHistoryBack } from "./move-history-back.ts";
import { HISTORY_DAYS, KEPT, PROBES, type Asked, type PlanLimits } from "./limit-probes.ts";
import { ask, asOperator } from "./operator.ts";
import { startNode, type RunningNode } from "./running-node.ts";
import { ADMIN_TOKEN } from "./tenant.ts";

/** A change that was answered holds in every process for what comes so much later. */
const HEARD_MS = 1_000;

let node: RunningNode;
let processes: readonly RunningProcess[] = [];
/** Of apis that are processes of their own. */
let urls: readonly string[] = [];
beforeAll(async () => {
  node = await startNode({ OMNISTORE_ADMIN_TOKEN: ADMIN_TOKEN });
  const env = { DATABASE_URL: node.databaseUrl, PORT: "0", HOST: "127.0.0.1" };
  processes = [1, 2].map(() => startProcess("apps/api/src/main.ts", env));
  urls = await Promise.all(
    processes.map(async (each) => {
      const { port } = JSON.parse(await each.line("the api is listening")) as { port: number };
      return `http://127.0.0.1:${port}`;
    }),
  );
});
afterAll(async () => {
  await Promise.all(processes.map((each) => each.end("SIGTERM")));
  await node.stop();
});

/** A tenant that has one of everything, and history of some days ago. */
async function newTenant(): Promise<{ readonly id: string; readonly token: string }> {
  const { body } = await asOperator(node, "POST", "/tenants", { name: "t", plan: "development" });
  const tenant = body as { id: string; token: string };
  const post = async (path: string, made: unknown = {}) => {
    const { status } = await ask(node.url, "POST", path, { token: tenant.token, body: made });
    expect(status).toBeLessThan(300);
  };
  await post(`/v2/topics/${KEPT}/endpoints`, { endpoints: [{ url: "http://127.0.0.1:9/" }] });
  await post("/v2/queues", { queueName: KEPT });
  await post(
    `/v2/schedules/http://127.0.0.1:9/?upstash-cron=0%200%201%201%20*&upstash-schedule-id=${KEPT}`,
  );
  await post("/v2/publish/http://127.0.0.1:9/?upstash-retries=0");
  await until(async () => {
    const { body: letters } = await ask(node.url, "GET", "/v2/dlq", tenant);
    return (letters as { messages: unknown[] }).messages.length === 1;
  });
  await moveHistoryBack(node.databaseUrl, tenant.id, HISTORY_DAYS);
  return tenant;
}

/** Asks until the answer is the new one, and fails when an old one comes too late. */
async function hear(isNew: () => Promise<boolean>, changedAt: number): Promise<void> {
  for (;;) {
    const askedAt = performance.now();
    if (await isNew()) return;
    expect(askedAt - changedAt, "milliseconds after the change").toBeLessThan(HEARD_MS);
  }
}

async function changeAndHear(
  tenant: { readonly id: string; readonly token: string },
  change: unknown,
  isNew: (asked: Asked) => Promise<boolean>,
): Promise<void> {
  const { status } = await asOperator(node, "PUT", `/tenants/${tenant.id}/plan`, change);
  const changedAt = performance.now();
  expect(status).toBe(200);
  for (const url of urls) await hear(() => isNew({ url, token: tenant.token }), changedAt);
}

test.for(Object.keys(PROBES) as (keyof PlanLimits)[])(
  "06 §1 %s that an operator sets is heard by every api within a second, and so is a wider one",
  async (limit) => {
    const { tight, wide, isHeld } = PROBES[limit];
    const tenant = await newTenant();
    for (const url of urls) expect(await isHeld({ url, token: tenant.token })).toBe(false);
    await changeAndHear(tenant, { limits: { [limit]: tight } }, isHeld);
    const wider = wide === undefined ? {} : { [limit]: wide };
    await changeAndHear(tenant, { limits: wider }, async (asked) => !(await isHeld(asked)));
  },
);

async function isFree({ url, token }: Asked): Promise<boolean> {
  const { body } = await ask(url, "GET", "/v1/limits", { token });
  return (body as { plan: string }).plan === "free";
}

test("06 §1 another plan is heard by every api within a second", async () => {
  const tenant = await newTenant();
  for (const url of urls) expect(await isFree({ url, token: tenant.token })).toBe(false);
  await changeAndHear(tenant, { plan: "free" }, isFree);
});
