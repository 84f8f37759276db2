import { until } from "@omnistore/testkit/until";
import { beforeEach, describe, expect, test } from "vitest";

import { world } from "./world.ts";

const there = world();

const LETTERS = ["A", "B", "C", "D", "E", "F"];

/**
 * Six messages, called by their letters, that differ in everything one can ask for. `over` is what
 * they have in common.
 */
async function publish(over: object): Promise<ReadonlyMap<string, string>> {
  const url = there.receiver.url;
  const results = await there.client.batch([
    { url: `${url}/a`, ...over },
    { url: `${url}/b`, label: "one,two", ...over },
    { url: `${url}/c?x=1,2`, label: "two", flowControl: { key: "k1", rate: 99 }, ...over },
    { url: `${url}/d`, queueName: "q1", flowControl: { key: "k2", rate: 99 }, ...over },
    { urlGroup: "g", ...over },
    { url: `${url}/f`, queueName: "q2", label: "three", ...over },
  ]);
  const ids = results.flat().map(({ messageId }) => messageId);
  return new Map(ids.map((id, index) => [id, LETTERS[index] ?? ""]));
}

beforeEach(async () => {
  const endpoints = [{ url: `${there.receiver.url}/e`, name: "end" }];
  await there.client.urlGroups.addEndpoints({ name: "g", endpoints });
});

/** What is asked for, and the letters of those that are meant. `$` is the receiver's URL, `%` its host. */
const EVERYWHERE: readonly (readonly [string, string])[] = [
  ["label=one", "B"],
  ["label=one&label=three", "BF"],
  ["label=two,three", "BCF"],
  ["label= two , three ", "BCF"],
  ["label=two&flowControlKey=k1", "C"],
  ["label=two&queueName=q1", ""],
  ["queueName=q1,q2", "DF"],
  ["queueName=q1&queueName=q2&label=three", "F"],
  ["flowControlKey=k1&flowControlKey=k2", "CD"],
  ["topicName=g,none", "E"],
  ["url=$/a", "A"],
  ["url=$/a&url=$/c?x=1,2", "AC"],
  ["url=$/c?x=1,2,$/e", "CE"],
  ["url=$/c", ""],
  // 07 Q4: both spellings, and both at once.
  ["callerIp=127.0.0.1&label=one", "B"],
  ["callerIP=127.0.0.1&callerIp=192.0.2.1&label=one", "B"],
  ["callerIP=192.0.2.1", ""],
  ["scheduleId=none", ""],
  ["fromDate=0&toDate=1", ""],
  ["fromDate=1", "ABCDEF"],
];
/** Dead letters know neither. */
const BY_PLACE: readonly (readonly [string, string])[] = [
  ["host=%", "ABCDEF"],
  ["host=none,%&path=/a&path=/b", "AB"],
  ["path=/c", "C"],
  ["path=/a,/c,/none&label=two", "C"],
  ["host=example.com", ""],
];

function queryOf(written: string): string {
  const { url } = there.receiver;
  const filled = written.replaceAll("$", url).replaceAll("%", new URL(url).host);
  return filled
    .split("&")
    .map((pair) => {
      const [name = "", ...value] = pair.split("=");
      return `${name}=${encodeURIComponent(value.join("="))}`;
    })
    .join("&");
}

const lettersOf = (ids: readonly string[], letters: ReadonlyMap<string, string>) =>
  LETTERS.filter((letter) => ids.some((id) => letters.get(id) === letter)).join("");

/** The six as dead letters: their dlqIds by letter. */
async function bury(): Promise<ReadonlyMap<string, string>> {
  there.receiver.reply(({ url }) => ({ status: url === "/b" ? 418 : 500 }));
  const letters = await publish({ retries: 0 });
  const messages = await until(async () => {
    const found = (await there.client.dlq.listMessages()).messages;
    return found.length === 6 && found;
  });
  return new Map(messages.map(({ dlqId, messageId }) => [dlqId, letters.get(messageId) ?? ""]));
}

describe("03 §8 filters of the log: each takes many values, OR inside, AND between", () => {
  test("every filter, by name", async () => {
    const letters = await publish({ delay: 3600 });
    const find = async (query: string) => {
      const { events } = await there.get<{ events: { messageId: string }[] }>(
        `/v2/events?${query}`,
      );
      return lettersOf(
        events.map(({ messageId }) => messageId),
        letters,
      );
    };
    for (const [written, expected] of [...EVERYWHERE, ...BY_PLACE]) {
      expect(await find(queryOf(written)), written).toBe(expected);
    }
    const [a = "", b = "", c = ""] = letters.keys();
    expect(await find(`messageId=${a}`)).toBe("A");
    expect(await find(`messageIds=${a},${b}&messageIds=${c}`)).toBe("ABC");
    expect(await find(`messageIds=${a},${b}&label=one`)).toBe("B");
    expect(await find(`messageIds=msg_none`)).toBe("");
    expect(await find("state=CREATED,RETRY&label=one")).toBe("B");
    expect(await find("state=DELIVERED")).toBe("");
    // 07 Q35: what a list does not know, it ignores; 07 Q25 names three of these.
    expect(await find("label=one&groupBy=messageId&trimBody=1&lable=x")).toBe("B");
  });
});

describe("03 §1 filters of a bulk cancel", () => {
  test("every filter cancels what it means, counts it, and leaves the rest alone", async () => {
    for (const [written, expected] of [...EVERYWHERE, ...BY_PLACE]) {
      const letters = await publish({ delay: 3600 });
      const answer = await there.call(`DELETE /v2/messages?${queryOf(written)}`);
      expect(answer.json, written).toEqual({ cancelled: expected.length });
      const { events } = await there.get<{ events: { messageId: string }[] }>(
        `/v2/events?state=CANCELED&messageIds=${[...letters.keys()].join(",")}`,
      );
      const cancelled = events.map(({ messageId }) => messageId);
      expect(lettersOf(cancelled, letters), written).toBe(expected);
      const rest = await there.call("DELETE /v2/messages");
      expect(rest.json, written).toEqual({ cancelled: 6 - expected.length });
    }
  });

  test("a host is the same in small letters and in capitals", async () => {
    const headers = { "Upstash-Delay": "1h" };
    for (const host of ["example.com", "EXAMPLE.COM"]) {
      await there.call("POST /v2/publish/https://Example.com/", { headers });
      const answer = await there.call(`DELETE /v2/messages?host=${host}`);
      expect(answer.json, host).toEqual({ cancelled: 1 });
    }
  });

  test("with ids, other filters do not count; unknown ids are skipped", async () => {
    const [a = "", b = ""] = (await publish({ delay: 3600 })).keys();
    const answer = await there.call(`DELETE /v2/messages?messageIds=${a},msg_x,${b}&label=none`);
    expect(answer.json).toEqual({ cancelled: 2 });
  });
});

describe("03 §5 filters of the dead letter queue", () => {
  const OF_ANSWERS: readonly (readonly [string, string])[] = [
    ["responseStatus=500", "ACDEF"],
    ["responseStatus=418,500", "ABCDEF"],
    ["responseStatus=418&responseStatus=999", "B"],
    ["responseStatus=999", ""],
    ["responseStatus=500&label=two", "C"],
  ];

  test("every filter lists what it means", async () => {
    const letters = await bury();
    type Entries = { messages: { dlqId: string; messageId: string }[] };
    const find = async (query: string) => {
      const { messages } = await there.get<Entries>(`/v2/dlq?${query}`);
      return lettersOf(
        messages.map(({ dlqId }) => dlqId),
        letters,
      );
    };
    for (const [written, expected] of [...EVERYWHERE, ...OF_ANSWERS]) {
      expect(await find(queryOf(written)), written).toBe(expected);
    }
    const { messages } = await there.get<Entries>("/v2/dlq");
    const [first, second] = messages;
    expect(await find(`messageId=${first?.messageId}`)).toBe(letters.get(first?.dlqId ?? ""));
    expect(await find(`dlqIds=${first?.dlqId},${second?.dlqId}`)).toHaveLength(2);
    for (const name of ["host", "path"]) {
      expect((await there.call(`GET /v2/dlq?${name}=x`)).status).toBe(400);
    }
  });

  test("07 Q34 workflow entries are listed by themselves, and there are none", async () => {
    await bury();
    expect(await there.get("/v2/dlq?source=workflow")).toEqual({ messages: [] });
    expect((await there.call("DELETE /v2/dlq?source=workflow")).status).toBe(400);
  });

  test.each([...EVERYWHERE.slice(0, 13), ...OF_ANSWERS])(
    "delete by %s removes %s and no more",
    async (written, expected) => {
      const letters = await bury();
      const answer = await there.call(`DELETE /v2/dlq?${queryOf(written)}`);
      expect(answer.json).toEqual({ deleted: expected.length });
      const left = (await there.client.dlq.listMessages()).messages.map(({ dlqId }) => dlqId);
      const kept = LETTERS.filter((letter) => !expected.includes(letter)).join("");
      expect(lettersOf(left, letters)).toBe(kept);
    },
  );

  test("retry by filter publishes those anew, with their queue, group and labels", async () => {
    await bury();
    there.receiver.reply(() => ({ status: 200 }));
    for (const [query, shown] of [
      ["queueName=q1", { queueName: "q1", flowControlKey: "k2" }],
      ["topicName=g", { topicName: "g", endpointName: "end" }],
      ["label=two&responseStatus=418", { label: "one", labels: ["one", "two"] }],
    ] as const) {
      const answer = await there.call(`POST /v2/dlq/retry?${query}`);
      expect(answer).toMatchObject({ status: 201, json: { responses: [{}] } });
      const { responses } = answer.json as { responses: { messageId: string }[] };
      const events = await there.settled(responses[0]?.messageId ?? "", "DELIVERED");
      expect(events[0], query).toMatchObject(shown);
    }
    const none = await there.call("POST /v2/dlq/retry?label=none");
    expect(none).toMatchObject({ status: 201, json: { responses: [] } });
    expect((await there.client.dlq.listMessages()).messages).toHaveLength(3);
  });
});

/** Bytes of UTF-8 as Node writes them into a header. */
const asUtf8 = (text: string) => Buffer.from(text).toString("latin1");

describe("07 Q16 one text in many encodings", () => {
  test("is one label, however it was sent, and every way of asking finds it", async () => {
    const path = "POST /v2/publish/https://example.com/?upstash-delay=1h";
    const item = { destination: "https://example.com/", headers: { "upstash-delay": "1h" } };
    const batch = [{ ...item, headers: { ...item.headers, "upstash-label": "grün" } }];
    const answers = [
      await there.call(path, { headers: { "Upstash-Label": asUtf8("grün") } }),
      await there.call(path, { headers: { "Upstash-Label": "grün" } }),
      await there.call(`${path}&upstash-label=gr%C3%BCn`),
      await there.call("POST /v2/batch", { body: JSON.stringify(batch) }),
    ];
    const ids: unknown[] = [];
    for (const answer of answers) {
      const message = await there.messageOf(answer);
      expect(message["labels"]).toEqual(["grün"]);
      ids.push(message["messageId"]);
    }
    const found = await until(async () => {
      const { events } = await there.get<{ events: { messageId: string }[] }>(
        "/v2/events?label=gr%C3%BCn",
      );
      return events.length === ids.length && events;
    });
    expect(new Set(found.map(({ messageId }) => messageId))).toEqual(new Set(ids));
    const { logs } = await there.client.logs({ filter: { label: "grün" } });
    expect(logs).toHaveLength(ids.length);
  });

  test("reaches the receiver as one: labels are all UTF-8 where one of them has to be", async () => {
    await there.call(`POST /v2/publish/${there.receiver.url}/?upstash-label=gr%C3%BCn,%E8%89%B2`);
    const [request] = await there.receiver.waitFor(1);
    expect(request?.headers["upstash-label"]).toBe(asUtf8("grün,色"));
  });
});

describe("03 §6 a flow-control key with a comma", () => {
  test("is found, pinned and cancelled by itself", async () => {
    const send = (key: string) =>
      there.client.publish({
        url: "https://example.com/",
        delay: 3600,
        flowControl: { key, parallelism: 1 },
      });
    const { messageId } = await send("a,b");
    await send("a");
    const idsOf = async (query: string) => {
      const { events } = await there.get<{ events: { messageId: string }[] }>(
        `/v2/events?${query}`,
      );
      return events.map((event) => event.messageId);
    };
    await until(async () => (await idsOf("")).length === 2);
    expect(await idsOf("flowControlKey=a%2Cb")).toEqual([messageId]);
    expect(await idsOf("flowControlKey=a,b")).toHaveLength(1);
    const { logs } = await there.client.logs({ filter: { flowControlKey: "a,b" } });
    expect(logs.map((log) => log.messageId)).toEqual([messageId]);
    await there.client.flowControl.pin("a,b", { parallelism: 7 });
    expect(await there.client.flowControl.get("a,b")).toMatchObject({
      parallelismMax: 7,
      isPinnedParallelism: true,
    });
    expect(await there.client.messages.cancel({ filter: { flowControlKey: "a,b" } })).toEqual({
      cancelled: 1,
    });
  });
});
