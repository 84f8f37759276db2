import { describe, expect, test } from "vitest";

import { createTenant } from "./tenant.ts";
import { world } from "./world.ts";

const there = world();

const ID = expect.stringMatching(/^msg_[0-9a-f]{32}$/) as string;
const DELAYED = { "Upstash-Delay": "1h" };

async function addGroup(name = "g"): Promise<readonly { url: string }[]> {
  const endpoints = ["/a", "/b"].map((path) => ({ url: `https://example.com${path}` }));
  await there.client.urlGroups.addEndpoints({ name, endpoints });
  return endpoints;
}

describe("01 §5 deduplication", () => {
  const URL = "https://example.com/";
  const publish = (headers: Record<string, string>, to = URL, body = "body", verb = "publish") =>
    there.call(`POST /v2/${verb}/${to}`, { headers: { ...DELAYED, ...headers }, body });
  const byId = { "Upstash-Deduplication-Id": "id" };
  const byContent = { "Upstash-Content-Based-Deduplication": "true" };

  test("the same id is 202 and the first id, whatever else is different", async () => {
    const first = await publish(byId);
    expect(first).toMatchObject({ status: 200 });
    expect(first.json).toEqual({ messageId: ID });
    const duplicate = { status: 202, json: { ...Object(first.json), deduplicated: true } };
    expect(await publish(byId, URL, "other body")).toMatchObject(duplicate);
    expect(await publish(byId, "https://example.com/elsewhere")).toMatchObject(duplicate);
    expect(await publish(byId, URL, "body", "enqueue/q")).toMatchObject(duplicate);
    expect((await there.client.logs()).logs).toHaveLength(1);
  });

  test("by content: destination, body, content type and every forwarded header count", async () => {
    const headers = { ...byContent, "content-type": "text/a", "Upstash-Forward-X": "1" };
    const first = await publish(headers);
    expect((await publish({ ...headers, "Upstash-Retries": "0" })).json).toEqual({
      ...Object(first.json),
      deduplicated: true,
    });
    const others = [
      await publish(headers, `${URL}?a`),
      await publish(headers, URL, "Body"),
      await publish({ ...headers, "content-type": "text/b" }),
      await publish({ ...headers, "Upstash-Forward-X": "2" }),
      await publish({ ...headers, "Upstash-Forward-Y": "1" }),
    ];
    expect(others.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect((await there.client.logs()).logs).toHaveLength(6);
  });

  test("an explicit id wins over the content", async () => {
    await publish({ ...byId, ...byContent });
    expect((await publish({ ...byId, ...byContent }, URL, "other")).status).toBe(202);
    expect((await publish(byContent)).status).toBe(200);
  });

  test("ids are a user's own", async () => {
    await publish(byId);
    const other = await createTenant(there.node, "other");
    const headers = { ...DELAYED, ...byId, authorization: `Bearer ${other.token}` };
    expect((await there.call(`POST /v2/publish/${URL}`, { headers })).status).toBe(200);
  });

  test("07 Q8 a group answers with its first array, each element a duplicate", async () => {
    await addGroup();
    const first = await publish(byId, "g");
    const second = await publish(byId, "g");
    expect([first.status, second.status]).toEqual([200, 202]);
    expect(second.json).toEqual(
      (first.json as object[]).map((each) => ({ ...each, deduplicated: true })),
    );
    expect((await publish(byId)).status).toBe(200);
  });

  test("a schedule pays no attention to it", async () => {
    const headers = { ...byId, ...byContent, "Upstash-Cron": "0 0 1 1 *" };
    await there.call(`POST /v2/schedules/${URL}`, { headers });
    await there.call(`POST /v2/schedules/${URL}`, { headers });
    expect(await there.client.schedules.list()).toHaveLength(2);
    expect((await publish(byId)).status).toBe(200);
  });
});

describe("01 §8 responses", () => {
  test("07 Q1 a URL answers with an object, a group with a bare array, in order of its endpoints", async () => {
    const endpoints = await addGroup();
    const each = endpoints.map(({ url }) => ({ messageId: ID, url }));
    for (const verb of ["publish", "enqueue/q"]) {
      const one = await there.call(`POST /v2/${verb}/https://example.com/`, { headers: DELAYED });
      expect(one).toMatchObject({ status: 200 });
      expect(one.json).toEqual({ messageId: ID });
      const many = await there.call(`POST /v2/${verb}/g`, { headers: DELAYED });
      expect(many).toMatchObject({ status: 200 });
      expect(many.json).toEqual(each);
    }
  });

  test("07 Q14, Q29 a batch answers in its order, an error in its place; none valid is 400", async () => {
    const endpoints = await addGroup();
    const good = { destination: "https://example.com/", headers: DELAYED };
    const once = { ...good, headers: { ...DELAYED, "Upstash-Deduplication-Id": "b" } };
    const bad = { destination: "nobody" };
    const call = (items: unknown) => there.call("POST /v2/batch", { body: JSON.stringify(items) });
    const answer = await call([good, { ...good, destination: "g" }, bad, once, once]);
    expect(answer.status).toBe(200);
    const [, , , first] = answer.json as { messageId: string }[];
    expect(answer.json).toEqual([
      { messageId: ID },
      endpoints.map(({ url }) => ({ messageId: ID, url })),
      { error: expect.stringContaining("invalid destination url") as string },
      { messageId: ID },
      { messageId: first?.messageId, deduplicated: true },
    ]);
    expect((await there.client.logs()).logs).toHaveLength(4);
    expect((await call([bad, bad])).status).toBe(400);
    expect((await call([])).json).toEqual([]);
    for (const items of [{}, good, [good, { headers: {} }], "x", [null]]) {
      expect(await call(items)).toMatchObject({
        status: 400,
        json: { error: expect.any(String) as string },
      });
    }
    expect((await there.client.logs()).logs).toHaveLength(4);
  });

  test("07 Q13 a publish with a cron makes a schedule", async () => {
    const headers = { "Upstash-Cron": "0 0 1 1 *", "Upstash-Schedule-Id": "by-publish" };
    const answer = await there.call("POST /v2/publish/https://example.com/", { headers });
    expect(answer).toMatchObject({ status: 200 });
    expect(answer.json).toEqual({ scheduleId: "by-publish" });
    expect(await there.client.schedules.get("by-publish")).toMatchObject({ cron: "0 0 1 1 *" });
    expect((await there.client.logs()).logs).toEqual([]);
  });
});

describe("01 §9 batch items", () => {
  test("null is absent, headers are in any case, the callback may stand beside them", async () => {
    const items = [
      { destination: "https://example.com/?a=b", headers: null, body: null, queue: null },
      {
        destination: "https://example.com/",
        headers: { "content-type": "text/x", "UPSTASH-forward-x": "1", "upstash-retries": "9" },
        body: "text",
        queue: "q",
        callback: "https://example.com/callback",
      },
    ].map((item) => ({ ...item, headers: { ...item.headers, "upstash-delay": "1h" } }));
    const { json } = await there.call("POST /v2/batch", { body: JSON.stringify(items) });
    const [bare, full] = await Promise.all(
      (json as { messageId: string }[]).map(({ messageId }) =>
        there.get(`/v2/messages/${messageId}`),
      ),
    );
    expect(bare).toMatchObject({ url: "https://example.com/?a=b" });
    for (const absent of ["body", "queueName", "header"]) expect(bare).not.toHaveProperty(absent);
    expect(full).toMatchObject({
      header: { "Content-Type": ["text/x"], X: ["1"] },
      maxRetries: 9,
      body: "text",
      queueName: "q",
      callback: "https://example.com/callback",
    });
  });
});
