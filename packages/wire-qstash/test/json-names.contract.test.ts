import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { WireServer } from "./wire-server.ts";
import { startWire } from "./wire-server.ts";

let wire: WireServer;
beforeAll(async () => {
  wire = await startWire();
});
afterAll(() => wire.close());

const QUEUES = "POST /v2/queues";
const ADD = "POST /v2/topics/t/endpoints";
const REMOVE = "DELETE /v2/topics/t/endpoints";
const PATCH = "PATCH /v2/topics/t";
const BATCH = "POST /v2/batch";

/** The refusal of a body, which changed nothing. */
async function refusal(line: string, body: string): Promise<string> {
  const answer = await wire.send(line, [], body);
  expect(answer.status, answer.body).toBe(400);
  const { engine } = wire;
  const changes = [engine.gateChanges, engine.topicChanges, engine.published, engine.cancellations];
  expect([...changes, engine.deletions, engine.retries].flat()).toEqual([]);
  expect(wire.errors).toEqual([]);
  return answer.error();
}

describe("00 §3 a name that the body of a call does not have", () => {
  it.each([
    [QUEUES, { queueName: "q", paralellism: 5 }, "the body", "paralellism", "parallelism"],
    [QUEUES, { queueName: "q", Paused: true }, "the body", "Paused", "paused"],
    [ADD, { endpoints: [{ url: "https://a.test" }], name: "x" }, "the body", "name", "endpoints"],
    [ADD, { endpoints: [{ url: "https://a.test", nmae: "x" }] }, "endpoints[0]", "nmae", "name"],
    [ADD, { endpoints: [{ url: "https://a.test" }, { URL: "x" }] }, "endpoints[1]", "URL", "url"],
    [REMOVE, { endpoints: [{ name: "x", ulr: "y" }] }, "endpoints[0]", "ulr", "url"],
    [PATCH, { headers: {}, header: { "X-A": "b" } }, "the body", "header", "headers"],
    [PATCH, JSON.parse('{"headers":{},"__proto__":{}}'), "the body", "__proto__", "headers"],
    [BATCH, [{ destination: "https://a.test", queueName: "q" }], "item 0", "queueName", "queue"],
  ])("%s %j is 400 and named", async (line, body: unknown, whose, name, known) => {
    const error = await refusal(line, JSON.stringify(body));
    expect(error).toContain(whose);
    expect(error).toContain(`unknown name "${name}"`);
    expect(error).toMatch(new RegExp(`known are .*\\b${known}\\b`));
  });

  it("07 Q14 in one item of a batch is that item's own, and the others are stored", async () => {
    const items = [
      { destination: "https://a.test", queueName: "q" },
      { destination: "https://b.test" },
    ];
    const answer = await wire.send(BATCH, [], JSON.stringify(items));
    expect(answer.json()).toEqual([
      { error: expect.stringContaining('"queueName"') as string },
      { messageId: expect.any(String) as string },
    ]);
    expect(wire.engine.takePublished().destination).toBe("https://b.test");
  });
});

describe("00 §3 a name that a JSON body gives twice", () => {
  it.each([
    [QUEUES, '{"queueName":"q","parallelism":1,"parallelism":2}', "parallelism"],
    [QUEUES, '{"queueName":"q","queueName":"q"}', "queueName"],
    [ADD, '{"endpoints":[{"url":"https://a.test","url":"https://b.test"}]}', "url"],
    [REMOVE, '{"endpoints":[{"name":"a"}],"endpoints":[{"name":"b"}]}', "endpoints"],
    [PATCH, '{"headers":{"X-A":"1","X-A":"2"}}', "X-A"],
    [BATCH, '[{"destination":"https://a.test","destination":"https://b.test"}]', "destination"],
    [
      BATCH,
      '[{"destination":"https://a.test"},{"destination":"https://b.test","headers":{"Upstash-Delay":"1s","Upstash-Delay":"2s"}}]',
      "Upstash-Delay",
    ],
    ["DELETE /v2/messages", '{"messageIds":["a"],"messageIds":["b"]}', "messageIds"],
    ["DELETE /v2/dlq", '{"dlqIds":["a"],"dlqIds":["b"]}', "dlqIds"],
    ["POST /v2/dlq/retry", String.raw`{"dlqIds":["a"],"dlq\u0049ds":["b"]}`, "dlqIds"],
  ])("%s %s is 400 and named", async (line, body, name) => {
    expect(await refusal(line, body)).toContain(`has "${name}" twice in one object`);
  });

  it("is the publisher's own business inside a message", async () => {
    const body = '{"a":1,"a":2}';
    const publish = await wire.send("POST /v2/publish/https://a.test", [], body);
    expect(publish.status).toBe(200);
    expect(wire.engine.takePublished().body.toString()).toBe(body);
    const items = JSON.stringify([{ destination: "https://a.test", body }]);
    expect((await wire.send(BATCH, [], items)).status).toBe(200);
    expect(wire.engine.takePublished().body.toString()).toBe(body);
  });
});
