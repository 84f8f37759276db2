import { planOf } from "@omnistore/domain/tenant/plans";
import fc from "fast-check";
import { expect, test } from "vitest";

import { gatherConfiguration, gatherFromJson, withDefaults } from "../headers/configuration.ts";
import { rawHeaders } from "../headers/raw-headers.ts";
import { decodeScheduleSettings } from "../headers/schedule-settings.ts";
import { scheduleWire, writeOwnSettings } from "./own-settings.ts";

const destinations = { problemOf: () => null } as never;
const CONTEXT = {
  nowMs: 1_800_000_000_000,
  callerIp: "192.0.2.1",
  authorizationIsOurs: true,
  plan: planOf("free", {}),
  defaultRetries: 2,
  destinations,
  queueName: undefined,
};

/** Values that each setting may have, by its header. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  "Upstash-Method": ["PUT", "GET"],
  "Upstash-Delay": ["5s", "2h"],
  "Upstash-Retries": ["0", "2"],
  "Upstash-Retry-Delay": ["1000 * retried"],
  "Upstash-Timeout": ["7"],
  "Upstash-Label": ["one", "one,two"],
  "Upstash-Redact-Fields": ["body"],
  "Upstash-Header-Forward": ["true"],
  "Upstash-Forward-X-A": ["a", "gr\u00c3\u00bc\u00c3\u009fe"],
  "Upstash-Forward-X-B": ["b"],
  "Content-Type": ["text/plain"],
  "X-Foreign": ["passed on"],
};
const headers = fc.dictionary(fc.constantFrom(...Object.keys(VALUES)), fc.nat()).map((chosen) =>
  Object.fromEntries(
    Object.entries(chosen).map(([name, index]) => {
      const values = VALUES[name] ?? [];
      return [name, [values[index % values.length] ?? ""]];
    }),
  ),
);

test("00 §8 what was written is read at a tick as it would be read at its creation", () => {
  fc.assert(
    fc.property(headers, headers, (given, topicHeaders) => {
      const all = { ...given, "Upstash-Cron": ["0 0 * * *"], Authorization: ["Bearer our-token"] };
      const own = gatherConfiguration(rawHeaders(all), []);
      const text = writeOwnSettings(own, CONTEXT);
      expect(text).not.toContain("our-token");
      const merged = withDefaults(own, gatherFromJson(rawHeaders(topicHeaders)));
      expect(scheduleWire(destinations).settingsWith(text, topicHeaders, CONTEXT)).toEqual(
        decodeScheduleSettings(merged, CONTEXT).template,
      );
    }),
  );
});

test("an Authorization that is not our token is kept, to be passed on", () => {
  const own = gatherConfiguration(
    rawHeaders({
      "Upstash-Cron": ["0 0 * * *"],
      "Upstash-Header-Forward": ["true"],
      Authorization: ["Basic theirs"],
    }),
    [],
  );
  const text = writeOwnSettings(own, { ...CONTEXT, authorizationIsOurs: false });
  expect(scheduleWire(destinations).settingsWith(text, {}, CONTEXT).headers).toEqual({
    Authorization: ["Basic theirs"],
  });
});

const settingsOf = (own: Record<string, string[]>, topic: Record<string, string[]>) => {
  const given = gatherConfiguration(rawHeaders({ "Upstash-Cron": ["0 0 * * *"], ...own }), []);
  const at = { nowMs: CONTEXT.nowMs, plan: planOf("free", { retries: 3 }) };
  return scheduleWire(destinations).settingsWith(writeOwnSettings(given, CONTEXT), topic, at);
};

test.each([
  [{ "Upstash-Retries": ["50"] }, 'Upstash-Retries "50" is more than the limit of 3 retries'],
  [{ "Upstash-Delay": ["8d"] }, 'Upstash-Delay "8d" is more than'],
  [{ "Upstash-Callback-Timeout": ["1h"] }, 'Upstash-Callback-Timeout "1h" is more than'],
])("06 §4 what a topic adds at a tick has to be within the plan of then: %j", (topic, problem) => {
  expect(() => settingsOf({}, topic)).toThrow(problem);
  const own = Object.fromEntries(Object.keys(topic).map((name) => [name, ["1"]]));
  expect(settingsOf(own, topic).maxRetries).toBeLessThanOrEqual(2);
});

test("06 §4 what a schedule said itself stays allowed, whatever became of the plan", () => {
  expect(settingsOf({ "Upstash-Retries": ["9"] }, { "Upstash-Delay": ["1d"] })).toMatchObject({
    maxRetries: 9,
    delayMs: 86_400_000,
  });
});

test("a topic's flow-control key keeps the value that the schedule said itself", () => {
  const topic = { "Upstash-Flow-Control-Key": ["k"], "Upstash-Flow-Control-Value": ["rate=1"] };
  const { options } = settingsOf({ "Upstash-Flow-Control-Value": ["rate=2"] }, topic);
  expect(options.flowControl).toMatchObject({ key: "k", rate: 2 });
});
