import { ANYWHERE } from "@omnistore/domain/deliver/destination-policy";
import { startReceiver, type Receiver } from "@omnistore/testkit/receiver";
import { Agent, buildConnector } from "undici";
import { afterEach, beforeEach, expect, test } from "vitest";

import { deliver } from "./deliver.ts";
import { createFindTarget } from "./delivery-target.ts";

/** How long a connection takes. */
const CONNECT_MS = 100;

let receiver: Receiver;
let agent: Agent;
let connections: number;
beforeEach(async () => {
  receiver = await startReceiver();
  connections = 0;
  const connect = buildConnector({});
  agent = new Agent({
    connect: (options, callback) => {
      connections += 1;
      setTimeout(() => connect(options, callback), CONNECT_MS);
    },
  });
});
afterEach(async () => {
  await agent.destroy();
  await receiver.close();
});

function attempt(mayStart?: () => boolean, timeoutMs = 5_000) {
  const request = { url: `${receiver.url}/`, method: "POST", headers: [], body: Buffer.from("x") };
  const client = {
    findTarget: createFindTarget(ANYWHERE),
    dispatch: agent.dispatch.bind(agent),
    destroy: () => agent.destroy(),
  };
  const asked = mayStart === undefined ? {} : { mayStart };
  return deliver(request, { client, timeoutMs, captureBytes: 10, ...asked });
}

test("whether it may start is asked when there is a connection, not before", async () => {
  const startedAt = performance.now();
  let askedAfterMs = 0;
  const result = await attempt(() => {
    askedAfterMs = performance.now() - startedAt;
    return true;
  });
  expect(result).toMatchObject({ kind: "response", status: 200 });
  expect(askedAfterMs).toBeGreaterThanOrEqual(CONNECT_MS - 1);
});

test("what is too late by then is unsent, and its connection serves the next one", async () => {
  const bestBefore = performance.now() + CONNECT_MS / 2;
  await expect(attempt(() => performance.now() <= bestBefore)).resolves.toEqual({ kind: "unsent" });
  await expect(attempt(() => true)).resolves.toMatchObject({ kind: "response", status: 200 });
  expect(receiver.requests).toHaveLength(1);
  expect(connections).toBe(1);
});

test("a connection that does not come in time is a failure, as ever", async () => {
  const result = await attempt(() => false, CONNECT_MS / 2);
  expect(result).toMatchObject({ kind: "failure", code: "timeout" });
  expect(receiver.requests).toEqual([]);
});
