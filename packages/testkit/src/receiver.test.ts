import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { startReceiver } from "./receiver.ts";
import type { Receiver } from "./receiver.ts";

let receiver: Receiver;
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(() => receiver.close());

describe("receiver", () => {
  test("notes a request byte for byte, and when it came", async () => {
    const body = Buffer.from([0, 255, 10, 13]);
    const before = Date.now();
    await fetch(`${receiver.url}/a%20b?q=%2F`, {
      method: "PUT",
      headers: { "X-Seen": "yes" },
      body,
    });
    const [request] = await receiver.waitFor(1);
    expect(request).toMatchObject({
      method: "PUT",
      url: "/a%20b?q=%2F",
      headers: { "x-seen": "yes" },
      body,
    });
    expect(request?.rawHeaders).toContain("X-Seen");
    expect(request?.arrivedAt).toBeGreaterThan(before - 50);
    expect(request?.arrivedAt).toBeLessThan(Date.now() + 50);
  });

  test("answers by script, one path apart from the others", async () => {
    receiver.reply(() => ({ status: 503, headers: { "Retry-After": "7" }, body: "later" }));
    receiver.reply("/fine", () => ({ status: 201 }));
    const refused = await fetch(`${receiver.url}/any`);
    expect([refused.status, refused.headers.get("retry-after"), await refused.text()]).toEqual([
      503,
      "7",
      "later",
    ]);
    expect((await fetch(`${receiver.url}/fine?x=1`)).status).toBe(201);
  });

  test("can delay, break the connection, or never answer", async () => {
    receiver.reply("/slow", () => ({ status: 200, delayMs: 60 }));
    receiver.reply("/reset", () => "reset");
    receiver.reply("/hang", () => "hang");
    const start = performance.now();
    await fetch(`${receiver.url}/slow`);
    expect(performance.now() - start).toBeGreaterThanOrEqual(55);
    await expect(fetch(`${receiver.url}/reset`)).rejects.toThrow("fetch failed");
    const patience = AbortSignal.timeout(100);
    await expect(fetch(`${receiver.url}/hang`, { signal: patience })).rejects.toThrow("timeout");
    expect(receiver.requests.map(({ url }) => url)).toEqual(["/slow", "/reset", "/hang"]);
  });

  test("wakes who waits for a number or a kind of request, and tells the late what did arrive", async () => {
    const second = receiver.waitFor(2);
    const posts = receiver.waitFor(({ method }) => method === "POST");
    await fetch(`${receiver.url}/1`);
    await fetch(`${receiver.url}/2`, { method: "POST" });
    expect(await second).toHaveLength(2);
    expect((await posts).map(({ url }) => url)).toEqual(["/2"]);
    await expect(receiver.waitFor(3, { timeoutMs: 30 })).rejects.toThrow(
      "request 3 did not arrive within 30 ms; received: GET /1, POST /2",
    );
  });
});
