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
      expect(scheduleWire(destinations).settingsWith(text, topicHeaders, CONTEXT.nowMs)).toEqual(
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
  expect(scheduleWire(destinations).settingsWith(text, {}, CONTEXT.nowMs).headers).toEqual({
    Authorization: ["Basic theirs"],
  });
});
