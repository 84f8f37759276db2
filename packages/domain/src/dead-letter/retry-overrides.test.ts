import { expect, test } from "vitest";
import type { Message } from "../message/message.ts";
import { retryCommand } from "./retry-overrides.ts";

const original: Message = {
  tenantId: "t",
  id: "0198b2f4-6d00-7000-8000-000000000001",
  wire: "qstash",
  destination: "https://example.com/?a=1",
  method: "PUT",
  headers: { "X-A": ["1"], "X-B": ["2"] },
  body: Buffer.from("body"),
  maxRetries: 4,
  options: { labels: ["l"], queueName: "q", scheduleId: "s" },
};

test("a retry that says nothing is the original, due now, under no id and nobody's duplicate", () => {
  const { id: _, ...rest } = original;
  const command = retryCommand(original, { headers: {}, due: { kind: "now" }, options: {} });
  expect(command).toEqual({ ...rest, due: { kind: "now" } });
});

test("what a retry says stands in place of what the original said, header by header", () => {
  const command = retryCommand(original, {
    method: "GET",
    headers: { "X-B": ["new"], "X-C": ["3"] },
    due: { kind: "after", delayMs: 5 },
    maxRetries: 0,
    options: { labels: ["again"], timeoutMs: 1 },
  });
  expect(command).toMatchObject({
    method: "GET",
    headers: { "X-A": ["1"], "X-B": ["new"], "X-C": ["3"] },
    due: { kind: "after", delayMs: 5 },
    maxRetries: 0,
    options: { labels: ["again"], queueName: "q", scheduleId: "s", timeoutMs: 1 },
  });
});
