import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { until } from "@omnistore/testkit/until";
import { afterEach, expect, test } from "vitest";

import { world } from "./world.ts";

const there = world();

const page = readFileSync(new URL("../../../docs/headers.md", import.meta.url), "utf8");
const [, snippet = ""] = /^```js\n(.*?)^```$/ms.exec(page) ?? [];

const stops: (() => Promise<unknown>)[] = [];
afterEach(() => Promise.all(stops.splice(0).map((stop) => stop())));

/** Runs the page's receiver as a user does, at a port that was free a moment ago. */
async function startSnippet(port: number): Promise<readonly string[]> {
  const child = spawn(process.execPath, ["--input-type=module", "--eval", snippet], {
    cwd: fileURLToPath(new URL("..", import.meta.url)),
    env: {
      PATH: process.env["PATH"],
      PORT: String(port),
      QSTASH_CURRENT_SIGNING_KEY: there.tenant.signingKeys.current,
      QSTASH_NEXT_SIGNING_KEY: there.tenant.signingKeys.next,
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  stops.push(() => (child.kill(), ended));
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => lines.push(line));
  await until(async () => lines.includes(`listening on ${port}`));
  return lines;
}

test("05 §2 the receiver of docs/headers.md takes what was delivered and nothing else", async () => {
  const port = Number(new URL(there.receiver.url).port);
  await there.receiver.close();
  const lines = await startSnippet(port);
  const url = `http://127.0.0.1:${port}/hook?a=1`;
  const forged = await fetch(url, { method: "POST", body: '{"hello":"world"}' });
  expect(forged.status).toBe(401);
  const { messageId } = await there.client.publishJSON({ url, body: { hello: "wörld" } });
  await there.settled(messageId, "DELIVERED");
  expect(lines.slice(1)).toEqual([`received ${messageId} {"hello":"wörld"}`]);
});
