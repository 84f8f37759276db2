import { officialClient } from "@omnistore/testkit/official-client";
import { until } from "@omnistore/testkit/until";
import { Receiver, upstash } from "@upstash/qstash";
import { describe, expect, test } from "vitest";

import { world } from "./world.ts";

const there = world();

describe("03 §8 the log by the official SDK", () => {
  test("is filtered by everything that a message has, and shows it", async () => {
    const { client } = there.tenant;
    await client.urlGroups.addEndpoints({
      name: "group",
      endpoints: [{ url: `${there.receiver.url}/group`, name: "end" }],
    });
    const plain = await client.publish({ url: there.receiver.url });
    const [inGroup] = await client.publish({ urlGroup: "group" });
    const full = await client.queue({ queueName: "queue" }).enqueue({
      url: `${there.receiver.url}/full?a=1`,
      label: "red",
      flowControl: { key: "key", rate: 9, period: "2s", parallelism: 4 },
    });
    const ids = [plain.messageId, inGroup?.messageId ?? "", full.messageId];
    const all = await until(async () => {
      const { logs } = await client.logs({ messageIds: ids });
      return logs.filter(({ state }) => state === "DELIVERED").length === 3 && logs;
    });
    expect(all).toHaveLength(9);
    expect(all.map(({ time }) => time)).toEqual(
      all.map(({ time }) => time).toSorted((a, b) => b - a),
    );

    const find = async (filter: object) => {
      const { logs } = await client.logs({ filter });
      const { events } = await client.events({ filter });
      expect(events).toEqual(logs);
      return [...new Set(logs.map(({ messageId }) => messageId))];
    };
    const { host } = new URL(there.receiver.url);
    const ofFull: readonly object[] = [
      { messageId: full.messageId },
      { url: `${there.receiver.url}/full?a=1` },
      { host, path: ["/none", "/full"] },
      { label: "red" },
      { queueName: ["none", "queue"] },
      { flowControlKey: "key" },
      { label: "red", queueName: "queue", flowControlKey: "key", state: "DELIVERED" },
    ];
    for (const filter of ofFull) {
      expect(await find(filter), JSON.stringify(filter)).toEqual([full.messageId]);
    }
    expect(await find({ urlGroup: "group" })).toEqual([inGroup?.messageId]);
    expect(await find({ label: "red", urlGroup: "group" })).toEqual([]);
    expect(await find({ callerIp: "127.0.0.1" })).toHaveLength(3);
    expect(await find({ scheduleId: "none" })).toEqual([]);
    const created = all.find(
      ({ messageId, state }) => messageId === full.messageId && state === "CREATED",
    );
    const at = created?.time ?? 0;
    const atThatTime = { fromDate: at, toDate: new Date(at), state: "CREATED" };
    expect(await find(atThatTime)).toContain(full.messageId);
    expect(await find({ ...atThatTime, fromDate: at + 1 })).toEqual([]);
    expect(await find({ ...atThatTime, toDate: at - 1 })).toEqual([]);
    expect(created).toMatchObject({
      queueName: "queue",
      flowControlKey: "key",
      parallelism: 4,
      rate: 9,
      period: 2,
    });
    expect(all.find(({ messageId }) => messageId === inGroup?.messageId)).toMatchObject({
      topicName: "group",
      endpointName: "end",
      urlGroup: "group",
    });
  });

  test("both spellings of names, every state, order, count and cursor", async () => {
    there.receiver.reply(() => ({ status: 500 }));
    const { messageId } = await there.tenant.client.publish({
      url: there.receiver.url,
      retries: 1,
      retryDelay: "1",
    });
    const states = async (query: string) => {
      const answer = await there.tenant.request("GET", `/v2/logs?${query}`);
      expect(answer.status, query).toBe(200);
      const page = (await answer.json()) as { logs: { state: string }[]; cursor?: string };
      return { states: page.logs.map(({ state }) => state), cursor: page.cursor };
    };
    const life = ["CREATED", "ACTIVE", "ERROR", "RETRY", "ACTIVE", "ERROR", "FAILED"];
    await until(async () => (await states("state=FAILED")).states.length === 1);
    expect(await states("order=earliestFirst")).toEqual({ states: life, cursor: undefined });
    expect(await states(`messageIds=${messageId},msg_x&unknown=1`)).toEqual({
      states: life.toReversed(),
      cursor: undefined,
    });
    expect((await states("state=IN_PROGRESS")).states).toHaveLength(5);
    expect((await states("callerIp=127.0.0.1&callerIP=192.0.2.1")).states).toHaveLength(7);
    const paged: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await states(`count=3${cursor === undefined ? "" : `&cursor=${cursor}`}`);
      paged.push(...page.states);
      cursor = page.cursor;
    } while (cursor !== undefined);
    expect(paged).toEqual(life.toReversed());
  });
});

describe("03 §7 keys", () => {
  test("a receiver that knows both keys keeps verifying across a rotation", async () => {
    const before = new Receiver({
      currentSigningKey: there.tenant.signingKeys.current,
      nextSigningKey: there.tenant.signingKeys.next,
    });
    const deliver = async (path: string) => {
      await there.tenant.client.publish({ url: there.receiver.url + path, body: "signed" });
      const [request] = await there.receiver.waitFor(({ url }) => url === path);
      return {
        signature: String(request?.headers["upstash-signature"]),
        body: request?.body.toString() ?? "",
        url: there.receiver.url + path,
      };
    };
    const onlyNext = new Receiver({
      currentSigningKey: there.tenant.signingKeys.next,
      nextSigningKey: "sig_none",
    });
    const first = await deliver("/before");
    await expect(before.verify(first)).resolves.toBe(true);
    await expect(onlyNext.verify(first)).rejects.toThrow("signature");

    const answer = await there.tenant.request("POST", "/v2/keys/rotate");
    const rotated = (await answer.json()) as { current: string; next: string };
    expect(rotated.current).toBe(there.tenant.signingKeys.next);
    await expect((await there.tenant.request("GET", "/v2/keys")).json()).resolves.toEqual(rotated);

    // Whichever key an attempt was signed with meanwhile, this receiver accepted it.
    const rotatedAt = performance.now();
    let signedByNew = false;
    for (let count = 0; !signedByNew; count += 1) {
      const signed = await deliver(`/after/${count}`);
      await expect(before.verify(signed)).resolves.toBe(true);
      signedByNew = await onlyNext.verify(signed).catch(() => false);
      expect(performance.now() - rotatedAt).toBeLessThan(2_000);
    }
  });
});

describe("03 §9 a read-only token", () => {
  test("sees everything as redacted as its owner does, and changes nothing", async () => {
    const { messageId } = await there.tenant.client.publish({
      url: there.receiver.url,
      delay: 3600,
      body: "secret",
      headers: { "X-Secret": "s3cret" },
      redact: { body: true, header: true },
    });
    const reader = officialClient(there.node.url, there.tenant.readonlyToken);
    const message = await reader.messages.get(messageId);
    expect(message).toEqual(await there.tenant.client.messages.get(messageId));
    expect(message.body).toMatch(/^REDACTED:[0-9a-f]{64}$/);
    expect(JSON.stringify(message)).not.toContain("s3cret");
    expect((await reader.logs()).logs).toHaveLength(1);
    expect((await reader.dlq.listMessages()).messages).toEqual([]);
    expect(await reader.schedules.list()).toEqual([]);

    const refused = { status: 403 };
    await expect(reader.publish({ url: there.receiver.url })).rejects.toMatchObject(refused);
    await expect(reader.messages.cancel({ all: true })).rejects.toMatchObject(refused);
    await expect(reader.dlq.delete({ all: true })).rejects.toMatchObject(refused);
    await expect(reader.dlq.retry({ all: true })).rejects.toMatchObject(refused);
    await expect(reader.queue({ queueName: "q" }).upsert({})).rejects.toMatchObject(refused);
    await expect(reader.urlGroups.delete("g")).rejects.toMatchObject(refused);
    await expect(there.tenant.client.messages.get(messageId)).resolves.toMatchObject({ messageId });
  });
});

test("01 §11 the chat route says that nothing is configured", async () => {
  const chat = there.tenant.client.chat();
  const request = { provider: upstash(), model: "m", messages: [{ role: "user", content: "?" }] };
  await expect(
    chat.create(request as unknown as Parameters<typeof chat.create>[0]),
  ).rejects.toMatchObject({
    status: 404,
    message: expect.stringContaining("no LLM provider is configured") as string,
  });
});
