import type { CallbackSource } from "@omnistore/domain/delivery-wire";
import { MAX_REQUEST_BYTES, MAX_CALLBACK_BYTES } from "@omnistore/domain/message/limits";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { qstashDelivery } from "../index.ts";

const wire = qstashDelivery({ region: "EU-CENTRAL-1" });

const source: CallbackSource = {
  message: {
    tenantId: "tenant-1",
    id: "0198b2f4-6d00-7000-8000-000000000001",
    wire: "qstash",
    destination: "https://example.com/a%20b?x=%zz",
    method: "PATCH",
    headers: { "Content-Type": ["text/plain"], Accept: ["a", "b"] },
    body: Buffer.from([0, 255, 1]),
    maxRetries: 5,
    options: {},
    createdAt: 1_700_000_000_000,
    notBefore: 1_700_000_060_000,
  },
  retried: 2,
  answerBytes: MAX_REQUEST_BYTES,
  result: {
    kind: "response",
    status: 503,
    headers: { "X-Why": ["busy", "broken"] },
    body: Buffer.from("later, bitte schön"),
  },
};

type Payload = Readonly<Record<string, unknown>> & { body: string; sourceBody: string };

function payload(over: Partial<CallbackSource> = {}): Payload {
  return JSON.parse(wire.callbackBody({ ...source, ...over }).toString()) as Payload;
}

describe("02 §5 the payload of a callback", () => {
  it("has these fields and no others for a bare message", () => {
    expect(payload()).toEqual({
      status: 503,
      header: { "X-Why": ["busy", "broken"] },
      body: Buffer.from("later, bitte schön").toString("base64"),
      retried: 2,
      maxRetries: 5,
      sourceMessageId: "msg_0198b2f46d0070008000000000000001",
      url: "https://example.com/a%20b?x=%zz",
      method: "PATCH",
      sourceHeader: { "Content-Type": ["text/plain"], Accept: ["a", "b"] },
      sourceBody: "AP8B",
      notBefore: 1_700_000_060_000,
      createdAt: 1_700_000_000_000,
    });
  });

  it("tells topic, endpoint, schedule and caller when there are any", () => {
    const options = {
      topicName: "topic",
      endpointName: "endpoint",
      scheduleId: "scd_1",
      callerIp: "192.0.2.7",
    };
    expect(payload({ message: { ...source.message, options } })).toMatchObject({
      topicName: "topic",
      endpointName: "endpoint",
      scheduleId: "scd_1",
      callerIP: "192.0.2.7",
    });
  });

  it("names the dead letter in a failure callback", () => {
    const deadLetterId = "0198b2f4-6d00-7abc-8000-000000000001";
    expect(payload({ deadLetterId }).dlqId).toMatch(/^1755[0-9]{9}-7abc8000000000000001$/);
  });
});

describe("07 Q24 a callback about an attempt that nobody answered", () => {
  it("has status 0, no headers, and the error as its body", () => {
    const result = { kind: "failure", code: "connect", error: "die Verbindung schloß" } as const;
    expect(payload({ result })).toMatchObject({
      status: 0,
      header: {},
      body: Buffer.from("die Verbindung schloß").toString("base64"),
    });
  });
});

const sized = (answerBytes: number, sourceBytes: number, planBytes = MAX_REQUEST_BYTES) =>
  wire.callbackBody({
    ...source,
    result: { kind: "response", status: 200, headers: {}, body: Buffer.alloc(answerBytes, "a") },
    message: { ...source.message, body: Buffer.alloc(sourceBytes, "s") },
    answerBytes: planBytes,
  });

describe("02 §5 an answer too large for the plan", () => {
  it.each([1000, 1024 * 1024, MAX_REQUEST_BYTES])("is told to its first %i bytes", (planBytes) => {
    for (const beyond of [0, 1, 1_000_000]) {
      const whole = sized(planBytes + beyond, MAX_REQUEST_BYTES, planBytes);
      const { body, sourceBody } = JSON.parse(whole.toString()) as Payload;
      expect(Buffer.from(body, "base64").equals(Buffer.alloc(planBytes, "a"))).toBe(true);
      expect(Buffer.from(sourceBody, "base64")).toHaveLength(MAX_REQUEST_BYTES);
    }
  });
});

describe("02 §5 a payload too large for a callback, since its source was a callback itself", () => {
  it("fits exactly, whatever the bodies' sizes, and what is cut is still base64 of the beginning", () => {
    const answers = fc.integer({ min: 0, max: MAX_REQUEST_BYTES });
    const sources = fc.integer({ min: 0, max: MAX_CALLBACK_BYTES });
    fc.assert(
      fc.property(answers, sources, (answerBytes, sourceBytes) => {
        const whole = sized(answerBytes, sourceBytes);
        expect(whole.length).toBeLessThanOrEqual(MAX_CALLBACK_BYTES);
        const { body, sourceBody } = JSON.parse(whole.toString()) as Payload;
        const [answer, original] = [Buffer.from(body, "base64"), Buffer.from(sourceBody, "base64")];
        expect(answer.equals(Buffer.alloc(answer.length, "a"))).toBe(true);
        expect(original.equals(Buffer.alloc(original.length, "s"))).toBe(true);
        const isCut = answer.length < answerBytes || original.length < sourceBytes;
        if (isCut) expect(whole.length).toBeGreaterThan(MAX_CALLBACK_BYTES - 8);
      }),
      { numRuns: 4 },
    );
  });

  it("keeps the answer before the source", () => {
    const { body, sourceBody } = JSON.parse(
      sized(MAX_REQUEST_BYTES, MAX_CALLBACK_BYTES).toString(),
    ) as Payload;
    expect(Buffer.from(body, "base64")).toHaveLength(MAX_REQUEST_BYTES);
    expect(Buffer.from(sourceBody, "base64").length).toBeGreaterThan(MAX_REQUEST_BYTES);
  });
});
