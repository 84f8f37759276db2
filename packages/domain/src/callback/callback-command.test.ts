import { describe, expect, test } from "vitest";

import type { Callback, Message } from "../message/message.ts";
import { callbackCommand } from "./callback-command.ts";

const source: Message = {
  tenantId: "tenant",
  id: "0198b2f4-6d00-7000-8000-000000000001",
  wire: "qstash",
  destination: "https://example.com",
  method: "PUT",
  headers: { "X-Source": ["s"] },
  body: Buffer.from("source"),
  maxRetries: 7,
  options: {
    callerIp: "192.0.2.7",
    labels: ["source"],
    retryDelay: "1",
    timeoutMs: 5,
    topicName: "topic",
    scheduleId: "scd_1",
    queueName: "queue",
    flowControl: { key: "source", parallelism: 1, periodSeconds: 1 },
  },
};
const bare: Callback = { url: "https://c.test/x", method: "POST", headers: {}, options: {} };
const body = Buffer.from("{}");
const NOW = 1_700_000_000_000;

describe("02 §5 the message of a callback", () => {
  test("goes to the callback's URL as JSON, at once, with the retries of its source and nothing else of it", () => {
    expect(callbackCommand(bare, source, body, NOW)).toEqual({
      tenantId: "tenant",
      wire: "qstash",
      destination: "https://c.test/x",
      method: "POST",
      headers: { "Content-Type": ["application/json"] },
      body,
      due: { kind: "now" },
      maxRetries: 7,
      options: { callerIp: "192.0.2.7" },
    });
  });

  test("has what was asked for it: method, retries, delay, headers, options, callbacks of its own", () => {
    const options = {
      retryDelay: "100",
      timeoutMs: 9,
      labels: ["mine"],
      redaction: { body: false, headers: ["X-A"] },
      flowControl: { key: "mine", rate: 2, periodSeconds: 3 },
      failureCallback: bare,
    };
    const headers = { "X-A": ["1", "2"] };
    const asked = { ...bare, method: "PATCH", headers, maxRetries: 0, delayMs: 5_000, options };
    expect(callbackCommand({ ...asked, method: "PATCH" }, source, body, NOW)).toMatchObject({
      method: "PATCH",
      headers: { "X-A": ["1", "2"], "Content-Type": ["application/json"] },
      due: { kind: "after", delayMs: 5_000 },
      maxRetries: 0,
      options: { ...options, callerIp: "192.0.2.7" },
    });
  });

  test("waits for the time that was asked for, unless that is past by now", () => {
    const dueWith = (notBeforeMs: number) =>
      callbackCommand({ ...bare, notBeforeMs }, source, body, NOW).due;
    expect(dueWith(NOW + 1)).toEqual({ kind: "at", unixMs: NOW + 1 });
    expect(dueWith(NOW)).toEqual({ kind: "now" });
  });

  test("does not show, in its body or its headers, what the publisher hides of the source", () => {
    const hiding = { ...source, options: { redaction: { body: false, headers: ["X-Source"] } } };
    expect(callbackCommand(bare, hiding, body, NOW).options).toEqual({
      redaction: { body: true, headers: ["X-Source"] },
    });
    const also = { ...bare, options: { redaction: { body: false, headers: ["X-Own"] } } };
    expect(callbackCommand(also, hiding, body, NOW).options).toEqual({
      redaction: { body: true, headers: ["X-Source", "X-Own"] },
    });
    const own = { ...bare, options: { redaction: { body: false, headers: "all" as const } } };
    expect(callbackCommand(own, hiding, body, NOW).options).toEqual({
      redaction: { body: true, headers: "all" },
    });
  });
});
