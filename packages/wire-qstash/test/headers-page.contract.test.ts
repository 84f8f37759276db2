import { readFileSync } from "node:fs";
import {
  DEDUPLICATION_WINDOW_MS,
  MAX_BATCH_ITEMS,
  MAX_LABELS,
  MAX_NAME_BYTES,
  MAX_RETRIES,
} from "@omnistore/domain/message/limits";
import { canonicalHeaderName } from "@omnistore/domain/message/header-names";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dressAttempt } from "../src/delivery/request.ts";
import { SETTING_NAMES } from "../src/headers/configuration.ts";
import type { WireServer } from "./wire-server.ts";
import { startWire } from "./wire-server.ts";

const page = readFileSync(new URL("../../../docs/headers.md", import.meta.url), "utf8");

/** The cells of the table below a heading, its head and rule left out. */
function tableBelow(heading: string): readonly (readonly string[])[] {
  const section = page.split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  const lines = section.split("\n").filter((line) => line.startsWith("|"));
  return lines.slice(2).map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

const unquoted = (cell = "") => cell.replaceAll("`", "");

const settings = tableBelow("Settings of a message").map(
  ([header, on = "", , , limit = "", example]) => ({
    header: unquoted(header),
    on,
    limit,
    example: unquoted(example),
  }),
);

/** What a header means nothing, or is refused, without. */
const BESIDE: Readonly<Record<string, readonly string[]>> = {
  "Upstash-Flow-Control-Key": ["Upstash-Flow-Control-Value: rate=1"],
  "Upstash-Flow-Control-Value": ["Upstash-Flow-Control-Key: k"],
  "Upstash-Callback-*": ["Upstash-Callback: https://example.com/"],
  "Upstash-Failure-Callback-*": ["Upstash-Failure-Callback: https://example.com/"],
};

let wire: WireServer;
beforeAll(async () => {
  wire = await startWire();
});
afterAll(() => wire.close());

const CRON = "Upstash-Cron: 0 0 1 1 *";

/** The routes that a setting may come to, each with what else has to come. */
function routesOf({ header, on }: (typeof settings)[number]) {
  const beside = BESIDE[header] ?? [];
  const onSchedules = {
    line: "POST /v2/schedules/https://example.com/",
    beside: header === "Upstash-Cron" ? beside : [...beside, CRON],
  };
  const onPublish = { line: "POST /v2/publish/https://example.com/", beside };
  if (on === "all") return [onPublish, onSchedules];
  return [on === "messages" ? onPublish : onSchedules];
}

describe("the page of headers", () => {
  it("names every header that the decoder knows, and no other", () => {
    const known = SETTING_NAMES.map((name) => canonicalHeaderName(`upstash-${name}`));
    const families = ["Upstash-Forward-*", "Upstash-Telemetry-*"];
    for (const callback of ["Upstash-Callback", "Upstash-Failure-Callback"]) {
      families.push(`${callback}-*`, `${callback}-Forward-*`);
    }
    expect(settings.map(({ header }) => header).toSorted()).toEqual(
      ["Content-Type", ...known, ...families].toSorted(),
    );
  });

  it.each(settings)("shows of $header an example that is taken", async (setting) => {
    const { header, example } = setting;
    expect(example.toLowerCase()).toContain(header.toLowerCase().replace("*", ""));
    for (const { line, beside } of routesOf(setting)) {
      const answer = await wire.send(line, [example, ...beside]);
      expect(answer.status, `${line}: ${answer.body}`).toBeOneOf([200, 202]);
    }
  });

  it.each(settings.filter(({ header }) => header !== "Content-Type"))(
    "may say $header in the query too",
    async (setting) => {
      const colon = setting.example.indexOf(":");
      const name = setting.example.slice(0, colon).toLowerCase();
      const value = encodeURIComponent(setting.example.slice(colon + 1).trim());
      for (const { line, beside } of routesOf(setting)) {
        const answer = await wire.send(`${line}?${name}=${value}`, beside);
        expect(answer.status, `${line}: ${answer.body}`).toBeOneOf([200, 202]);
      }
    },
  );

  it.each([
    ["Upstash-Retries", String(MAX_RETRIES)],
    ["Upstash-Label", `${MAX_LABELS} labels of ${MAX_NAME_BYTES} bytes`],
    ["Upstash-Deduplication-Id", `${MAX_NAME_BYTES} bytes`],
    ["Upstash-Flow-Control-Key", `${MAX_NAME_BYTES} bytes`],
  ])("names the limit of %s", (wanted, limit) => {
    expect(settings.find(({ header }) => header === wanted)?.limit).toContain(limit);
    expect(page).toContain(`${MAX_BATCH_ITEMS.toLocaleString("en")} items`);
    expect(DEDUPLICATION_WINDOW_MS).toBe(10 * 60_000);
  });

  it("names every header that a receiver gets, and no other", () => {
    const { headers } = dressAttempt(
      {
        tenantId: "t",
        id: "0198b2f4-6d00-7000-8000-000000000001",
        wire: "qstash",
        destination: "https://example.com/",
        method: "POST",
        headers: { "Content-Type": ["text/plain"] },
        body: Buffer.alloc(0),
        maxRetries: 3,
        options: { callerIp: "192.0.2.1", topicName: "t", scheduleId: "s", labels: ["l"] },
      },
      { retried: 0, nowSeconds: 1, signingKeys: { current: "a", next: "b" } },
      "EU-CENTRAL-1",
    );
    const sent = headers.filter((_, index) => index % 2 === 0);
    const told = tableBelow("What a receiver gets").map(([header]) => unquoted(header));
    expect(told.toSorted()).toEqual(sent.toSorted());
  });
});
