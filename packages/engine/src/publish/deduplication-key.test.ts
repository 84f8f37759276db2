import type { PublishCommand } from "@omnistore/domain/publish/publish-command";
import { expect, test } from "vitest";

import { deduplicationKey } from "./deduplication-key.ts";

function command(over: Partial<PublishCommand> = {}): PublishCommand {
  return {
    tenantId: "00000000-0000-7000-8000-000000000001",
    wire: "qstash",
    destination: "https://a.test/",
    method: "POST",
    headers: { "Content-Type": ["text/plain"], "X-A": ["1"] },
    body: Buffer.from("body"),
    due: { kind: "now" },
    maxRetries: 3,
    options: {},
    ...over,
  };
}

const keyOf = (over: Partial<PublishCommand>) => deduplicationKey(command(over))?.toString("hex");
const byId = { deduplication: { kind: "id", id: "one" } } as const;
const byContent = { deduplication: { kind: "content" } } as const;
const atEndpoint = (topicName: string, endpointName?: string) => ({
  options: { topicName, ...(endpointName === undefined ? {} : { endpointName }) },
});

test("who asked for no deduplication has no key", () => {
  expect(deduplicationKey(command())).toBeNull();
});

test("01 §5 one id is one key, whatever is sent and wherever to", () => {
  const same = [
    keyOf(byId),
    keyOf({ ...byId, destination: "https://b.test/", body: Buffer.from("other"), headers: {} }),
  ];
  expect(new Set(same).size).toBe(1);
});

test("01 §5 content is destination, body and headers in any order", () => {
  const first = keyOf(byContent);
  const reordered = { "X-A": ["1"], "Content-Type": ["text/plain"] };
  expect(keyOf({ ...byContent, headers: reordered })).toBe(first);
  const others = [
    keyOf({ ...byContent, destination: "https://b.test/" }),
    keyOf({ ...byContent, body: Buffer.from("body!") }),
    keyOf({ ...byContent, headers: { "X-A": ["1"] } }),
    keyOf({ ...byContent, headers: { ...reordered, "X-A": ["1", "1"] } }),
    keyOf({ deduplication: { kind: "id", id: "content" } }),
  ];
  expect(new Set([first, ...others]).size).toBe(others.length + 1);
});

test.each([byId, byContent])(
  "07 Q8 each endpoint of each topic has a key of its own: %o",
  (how) => {
    const keys = [
      keyOf(how),
      keyOf({ ...how, ...atEndpoint("t") }),
      keyOf({ ...how, ...atEndpoint("u") }),
      keyOf({ ...how, ...atEndpoint("t"), destination: "https://b.test/" }),
      keyOf({ ...how, ...atEndpoint("t", "e") }),
    ];
    expect(new Set(keys).size).toBe(keys.length);
    expect(keyOf({ ...how, ...atEndpoint("t", "e") })).toBe(keys[4]);
  },
);
