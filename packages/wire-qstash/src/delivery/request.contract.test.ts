import type { Message } from "@omnistore/domain/message/message";
import { Receiver } from "@upstash/qstash";
import { decodeJwt, decodeProtectedHeader, jwtVerify } from "jose";
import { describe, expect, it } from "vitest";
import { qstashDelivery } from "../index.ts";

const keys = { current: "sig_current", next: "sig_next" };
const wire = qstashDelivery({ region: "EU-CENTRAL-1" });

const message: Message = {
  tenantId: "tenant-1",
  id: "0198b2f4-6d00-7000-8000-000000000001",
  wire: "qstash",
  destination: "https://example.com/a%20b?x=%zz",
  method: "GET",
  headers: {},
  body: Buffer.from('{"hello":"wörld"}'),
  maxRetries: 3,
  options: {},
};

function dress(changes: Partial<Message> = {}, retried = 0, signingKeys = keys) {
  const nowSeconds = Math.floor(Date.now() / 1000);
  const request = wire.dress({ ...message, ...changes }, { retried, nowSeconds, signingKeys });
  const names = request.headers.filter((_, index) => index % 2 === 0);
  const values = request.headers.filter((_, index) => index % 2 === 1);
  const headers = new Map(names.map((name, index) => [name, values[index] ?? ""]));
  return { request, names, headers, signature: headers.get("Upstash-Signature") ?? "", nowSeconds };
}

describe("02 §1 headers on every delivery", () => {
  it("are these and no others for a bare message", () => {
    const { request, headers, signature } = dress();
    expect(Object.fromEntries(headers)).toEqual({
      "User-Agent": "Upstash-QStash",
      "Upstash-Message-Id": "msg_0198b2f46d0070008000000000000001",
      "Upstash-Retried": "0",
      "Upstash-Signature": signature,
      "Upstash-Region": "EU-CENTRAL-1",
    });
    const { url, method, body } = request;
    expect({ url, method }).toEqual({ url: message.destination, method: "GET" });
    expect(body).toBe(message.body);
  });

  it("are sent to the URL without its fragment, which a receiver verifies against", async () => {
    const { request, signature } = dress({ destination: "https://example.com/a?b=1#part" });
    expect(request.url).toBe("https://example.com/a?b=1");
    const receiver = new Receiver({ currentSigningKey: keys.current, nextSigningKey: keys.next });
    const body = message.body.toString();
    await expect(receiver.verify({ signature, body, url: request.url })).resolves.toBe(true);
  });

  it("tell the attempt, the origin and what the publisher forwarded", () => {
    const { headers } = dress(
      {
        headers: { "Content-Type": ["text/x"], Accept: ["a", "b"], Cookie: ["c=1", "d=2"] },
        options: {
          callerIp: "192.0.2.7",
          topicName: "topic",
          scheduleId: "scd_1",
          labels: ["one", "two"],
        },
      },
      4,
    );
    expect(Object.fromEntries(headers)).toMatchObject({
      "Content-Type": "text/x",
      Accept: "a, b",
      Cookie: "c=1; d=2",
      "Upstash-Retried": "4",
      "Upstash-Caller-Ip": "192.0.2.7",
      "Upstash-Topic-Name": "topic",
      "Upstash-Schedule-Id": "scd_1",
      "Upstash-Label": "one,two",
    });
  });

  it("win over forwarded ones of the same name, and no name is there twice", () => {
    const theirs = Object.fromEntries(
      [
        "User-Agent",
        "Upstash-Message-Id",
        "Upstash-Retried",
        "Upstash-Signature",
        "Upstash-Caller-Ip",
        "Upstash-Region",
        "Upstash-Topic-Name",
        "Upstash-Schedule-Id",
        "Upstash-Label",
        "Host",
        "Connection",
        "Proxy-Authorization",
        "Upstash-Telemetry-Sdk",
        // Hyphens to a receiver behind CGI.
        "User_agent",
        "Upstash_message_id",
        "Upstash_signature",
        "Upstash-Caller_ip",
        "Upstash_label",
        "Content_length",
      ].map((name) => [name, ["theirs"]]),
    );
    const { names, headers } = dress({ headers: theirs, options: { labels: ["ours"] } });
    expect([...headers.values()]).not.toContain("theirs");
    expect(headers.get("Upstash-Label")).toBe("ours");
    expect(new Set(names).size).toBe(names.length);
  });

  it.each(["\u00e9t\u00e9", "\u65e5\u672c"])("carry the label %s in UTF-8", (label) => {
    const { headers } = dress({ options: { labels: [label] } });
    const sent = Buffer.from(headers.get("Upstash-Label") ?? "", "latin1");
    expect(sent.toString("utf8")).toBe(label);
  });

  it("leave a forwarded label alone when the message has none", () => {
    const { headers } = dress({ headers: { "Upstash-Label": ["theirs"] } });
    expect(headers.get("Upstash-Label")).toBe("theirs");
  });
});

describe("02 §6 Upstash-Signature", () => {
  const receiver = new Receiver({ currentSigningKey: keys.current, nextSigningKey: keys.next });
  const url = message.destination;

  it("has the documented header and claims", async () => {
    const { signature, nowSeconds } = dress();
    expect(decodeProtectedHeader(signature)).toEqual({ alg: "HS256", typ: "JWT" });
    const { payload } = await jwtVerify(signature, new TextEncoder().encode(keys.current));
    expect(payload).toEqual({
      iss: "Upstash",
      sub: url,
      exp: nowSeconds + 300,
      nbf: 0,
      iat: nowSeconds,
      jti: expect.stringMatching(/^jwt_[0-9a-f-]{36}$/),
      body: "Ff6TbVpcSlZMjckAIoAAkmPAzAvQ8o4WZSUpqfg7LSM",
    });
  });

  it("is accepted by the official receiver, whichever of its keys signed", async () => {
    const body = message.body.toString();
    const signatures = [
      dress().signature,
      dress({}, 0, { current: keys.next, next: "sig_later" }).signature,
    ];
    for (const signature of signatures) {
      await expect(receiver.verify({ signature, body, url })).resolves.toBe(true);
    }
    const { signature } = dress({ body: Buffer.alloc(0) });
    await expect(receiver.verify({ signature, body: "", url })).resolves.toBe(true);
  });

  it("is refused by the official receiver for another body, URL or key", async () => {
    const body = message.body.toString();
    const { signature } = dress();
    await expect(receiver.verify({ signature, body: `${body} `, url })).rejects.toThrow(/body/i);
    await expect(receiver.verify({ signature, body, url: `${url}&` })).rejects.toThrow(/subject/i);
    const stranger = dress({}, 0, { current: "sig_other", next: "sig_other" }).signature;
    await expect(receiver.verify({ signature: stranger, body, url })).rejects.toThrow(/signature/i);
  });

  it("is fresh for each attempt", () => {
    const ids = [dress(), dress()].map(({ signature }) => decodeJwt(signature).jti);
    expect(new Set(ids).size).toBe(2);
  });
});

describe("02 §2 non-retryable answers", () => {
  const header = { "Upstash-Nonretryable-Error": ["true"] };

  it("need status 489 and the header together", () => {
    expect(wire.isNonRetryable(489, header)).toBe(true);
    expect(wire.isNonRetryable(489, { "Upstash-Nonretryable-Error": ["True"] })).toBe(true);
    expect(wire.isNonRetryable(489, {})).toBe(false);
    expect(wire.isNonRetryable(489, { "Upstash-Nonretryable-Error": ["false"] })).toBe(false);
    expect(wire.isNonRetryable(500, header)).toBe(false);
  });
});
