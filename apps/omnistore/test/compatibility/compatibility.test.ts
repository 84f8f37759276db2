import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { describe, expect, test } from "vitest";

import { mentionOfMethod, sdkMethods } from "../sdk-surface.ts";
import { evidenceOfHeaders, evidenceOfMethods, evidenceOfRoutes, sections } from "./evidence.ts";
import { renderCompatibilityDoc } from "./page.ts";
import { mentionOfHeader, REQUEST_HEADERS } from "./request-headers.ts";
import { mentionOfRoute, nameOfRoute, protocolRoutes } from "./routes.ts";
import { readAllTests, readTests } from "./written-tests.ts";

const root = fileURLToPath(new URL("../../../..", import.meta.url));
const tests = readAllTests();

/** Of a prefix, `Upstash-Forward-`, whatever follows is meant. */
function isListed(name: string): boolean {
  const meant = name.replace(/-$/, "-*");
  return REQUEST_HEADERS.some((header) => mentionOfHeader(header).test(meant));
}

describe("the compatibility page", () => {
  test("docs/compatibility.md is what `pnpm run docs` writes today", () => {
    const written = readFileSync(join(root, "docs/compatibility.md"), "utf8");
    expect(written).toBe(renderCompatibilityDoc(tests));
  });

  test.each([
    ["method of the SDK", evidenceOfMethods(tests)],
    ["request header", evidenceOfHeaders(tests)],
    ["route", evidenceOfRoutes(tests)],
  ])("every %s has a test", (_, rows) => {
    const untested = rows.filter(({ titled, others }) => titled.length + others.length === 0);
    expect(rows.length).toBeGreaterThan(20);
    expect(untested.map(({ name }) => name)).toEqual([]);
  });

  test("its routes are those of docs/access.md, of which each is asked", () => {
    const access = readFileSync(join(root, "docs/access.md"), "utf8");
    // Second spellings and what only refuses are left out of this page: see `protocolRoutes`.
    const asked = [...access.matchAll(/^\| `([A-Z]+ \/(?:v2|llm)\/\S+)` \|/gm)]
      .map(([, line = ""]) => line)
      .filter((line) => !line.endsWith("/") && !line.includes("//"));
    const patterns = protocolRoutes().map((route) => ({
      name: nameOfRoute(route),
      mention: mentionOfRoute(route),
    }));
    expect(asked.length).toBeGreaterThan(40);
    expect(asked.filter((line) => !patterns.some(({ mention }) => mention.test(line)))).toEqual([]);
    const unasked = patterns.filter(({ mention }) => !asked.some((line) => mention.test(line)));
    expect(unasked.map(({ name }) => name)).toEqual([]);
  });

  test("every header that the wire reads from a request is among its rows", () => {
    const files = globSync("packages/wire-qstash/src/headers/*.ts", { cwd: root });
    const sources = files
      .filter((file) => !file.endsWith(".test.ts"))
      .map((file) => readFileSync(join(root, file), "utf8"));
    const read = sources.flatMap((text) => text.match(/(?<=")upstash-[\w-]+(?=")/gi) ?? []);
    expect(read.length).toBeGreaterThan(20);
    expect(read.filter((name) => !isListed(name))).toEqual([]);
  });
});

describe("what the page is made of", () => {
  test("the SDK's methods are found by walking it, without what is private", () => {
    const methods = sdkMethods();
    expect(methods).toEqual(
      expect.arrayContaining(["client.publish", "client.queue().pause", "receiver.verify"]),
    );
    expect(methods).toContain("client.topics");
    expect(methods.filter((name) => /verifyWithKey|processRequest|constructor/.test(name))).toEqual(
      [],
    );
  });

  test("a route is there once, under the methods that it serves", () => {
    const names = protocolRoutes().map(nameOfRoute);
    expect(names).toEqual(
      expect.arrayContaining([
        "any method /v2/publish/*",
        "POST /v2/batch",
        "GET /v2/queues",
        "DELETE /v2/queues/{name}",
      ]),
    );
    expect(new Set(names).size).toBe(names.length);
    for (const refusing of ["any method /v2/*", "any method /v2/batch", "GET /v2/queues/"]) {
      expect(names).not.toContain(refusing);
    }
  });

  test.each([
    ["DELETE", "/v2/queues/:name", "DELETE /v2/queues/{name}", true],
    ["DELETE", "/v2/queues/:name", 'send("DELETE", `/v2/queues/${name}`)', true],
    ["DELETE", "/v2/queues/:name", "GET /v2/queues/{name}", false],
    ["GET", "/v2/queues/:name", "GET /v2/queues", false],
    ["POST", "/v2/queues/:name", "POST /v2/queues/{name}/pause", false],
    ["GET", "/v2/queues", 'send("GET", "/v2/queues")', true],
    ["GET", "/v2/queues", "GET /v2/queues/q", false],
    ["GET", "/v2/queues", "`GET /v2/queues?count=1`", true],
    ["*", "/v2/publish/*", "POST /v2/publish/https://example.com", true],
    ["*", "/v2/publish/*", "POST /v2/enqueue/q/https://example.com", false],
  ])("%s %s is mentioned in %s: %s", (method, path, text, expected) => {
    expect(mentionOfRoute({ method, path }).test(text)).toBe(expected);
  });

  test.each([
    ["Upstash-Delay", '{ "upstash-delay": "1s" }', true],
    ["Upstash-Delay", "Upstash-Callback-Delay: 1s", false],
    ["Upstash-Callback", "Upstash-Callback-Delay: 1s", false],
    ["Upstash-Callback-*", "Upstash-Callback-Delay: 1s", true],
    ["Upstash-Callback-*", "Upstash-Callback: https://example.com", false],
  ])("%s is mentioned in %s: %s", (header, text, expected) => {
    expect(mentionOfHeader(header).test(text)).toBe(expected);
  });

  test.each([
    ["client.publish", "client.publish: sends a body", true],
    ["client.publish", "client.publishJSON sends", false],
    ["client.publish", 'await client.publish({ url: "" })', false],
    ["client.queue().get", "client.queue().get, client.queue().list", true],
    ["client.topics", "client.topics.list", false],
  ])("%s is named in %s: %s", (method, text, expected) => {
    expect(mentionOfMethod(method).test(text)).toBe(expected);
  });

  test("tests are read with their suites, tables and templates, and sections from their names", () => {
    const source = `
      describe("01 §5 outer", () => {
        test("inner", { timeout: 1 }, async () => call("GET /v2/keys"));
        it.each([[1]])("07 Q8, Q14 of %i", (n) => n);
      });
      test(\`alone \${n}\`, () => {});
      notATest("test", () => {});
    `;
    const read = readTests("some/a.test.ts", source);
    expect(read.map(({ titles }) => titles)).toEqual([
      ["01 §5 outer", "inner"],
      ["01 §5 outer", "07 Q8, Q14 of %i"],
      ["alone ${n}"],
    ]);
    expect(read[0]?.text).toContain("GET /v2/keys");
    expect(sections(read).map(({ name, suites }) => [name, suites[0]?.title])).toEqual([
      ["01 §5", "outer"],
      ["07 Q8", "of %i"],
      ["07 Q14", "of %i"],
    ]);
    expect(() => readTests("some/b.test.ts", "test(")).toThrow("some/b.test.ts");
  });
});
