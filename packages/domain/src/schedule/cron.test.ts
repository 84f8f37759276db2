import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { type Cron, parseCron } from "./cron.ts";

function parsed(text: string): Cron {
  const cron = parseCron(text);
  if (cron.kind === "invalid") throw new Error(`${text}: ${cron.reason}`);
  return cron;
}

function reason(text: string): string {
  const cron = parseCron(text);
  if (cron.kind === "cron") throw new Error(`${text} was accepted`);
  return cron.reason;
}

function firstOf(text: string, from: string): string {
  const local = parsed(text).nextLocal(Date.parse(from));
  return local === null ? "never" : new Date(local).toISOString().slice(0, 16);
}

describe("03 §3 parseCron", () => {
  it("reads five fields in UTC", () => {
    const cron = parsed("*/5 9-17 * * MON-FRI");
    expect(cron).toMatchObject({
      text: "*/5 9-17 * * MON-FRI",
      expression: "*/5 9-17 * * MON-FRI",
    });
    expect(cron.timeZone.name).toBe("UTC");
  });

  it("reads the zone of a CRON_TZ prefix and keeps the text as given", () => {
    const cron = parsed("CRON_TZ=America/New_York 0 4 * * *");
    expect(cron.text).toBe("CRON_TZ=America/New_York 0 4 * * *");
    expect(cron.expression).toBe("0 4 * * *");
    expect(cron.timeZone.name).toBe("America/New_York");
  });

  it("trims the blanks around it and allows several between fields", () => {
    expect(parsed("  0  4 *\t* *  ").text).toBe("0  4 *\t* *");
    expect(parsed(" CRON_TZ=UTC   0 4 * * * ").text).toBe("CRON_TZ=UTC   0 4 * * *");
  });

  it.each([
    ["* * * *", "4 fields"],
    ["0 * * * * *", "6 fields"],
    ["0 0 1 1 * 2030", "6 fields"],
    ["", "0 fields"],
    ["@daily", '"@daily" is a nickname, write its five fields: "0 0 * * *"'],
    [
      "CRON_TZ=Europe/Berlin @Hourly",
      '"@Hourly" is a nickname, write its five fields: "0 * * * *"',
    ],
    ["@every 5m", '"@every" is no time of five fields'],
    ["@reboot", '"@reboot" is no time of five fields'],
    ["TZ=Europe/Berlin 0 9 * * *", '"CRON_TZ=Europe/Berlin 0 9 * * *", not as "TZ=Europe/Berlin"'],
    ["cron_tz=UTC 0 9 * * *", '"CRON_TZ=UTC 0 9 * * *", not as "cron_tz=UTC"'],
    ['CRON_TZ = "UTC" 0 9 * * *', '"CRON_TZ=UTC 0 9 * * *", not as "CRON_TZ"'],
    ["CRON_TZ=Europe/Berlin", "1 fields"],
    ["CRON_TZ=Europe/Berlin * * * *", "4 fields"],
    ["CRON_TZ=Mars/Olympus 0 0 * * *", 'time zone "Mars/Olympus" is unknown'],
    ["CRON_TZ=+01:00 0 0 * * *", 'time zone "+01:00" is unknown'],
    ["CRON_TZ= 0 0 * * *", 'time zone "" is unknown'],
    ["60 * * * *", 'minute is "60"'],
    ["-1 * * * *", 'minute is "-1"'],
    ["1.5 * * * *", 'minute is "1.5"'],
    ["/5 * * * *", 'minute is "/5"'],
    ["*/0 * * * *", 'minute is "*/0"'],
    ["5-1 * * * *", 'minute is "5-1"'],
    ["1,,2 * * * *", 'minute is "1,,2"'],
    ["0 24 * * *", 'hour is "24"'],
    ["0 12:30 * * *", 'hour is "12:30"'],
    ["0 0 0 * *", 'day of month is "0"'],
    ["0 0 32 * *", 'day of month is "32"'],
    ["0 0 * 13 *", 'month is "13"'],
    ["0 0 * JANUARY *", 'month is "JANUARY"'],
    ["0 0 * * 8", 'day of week is "8"'],
    ["0 0 * * MO", 'day of week is "MO"'],
    ["0 0 * * \u0661", 'day of week is "\u0661"'],
    [`${"0,".repeat(200)}0 * * * *`, "longer than 256 characters"],
  ])("refuses %j and says why", (text, why) => {
    expect(reason(text)).toContain(why);
  });

  it.each(["0 0 30 2 *", "0 0 31 2 *", "0 0 31 4,6,9,11 *"])("refuses %j: no such day", (text) => {
    expect(reason(text)).toBe("no day ever matches it");
  });

  it("accepts days that are rare but real", () => {
    expect(firstOf("0 0 29 2 *", "2097-01-01T00:00Z")).toBe("2104-02-29T00:00");
    expect(firstOf("0 0 30 2 MON", "2026-02-01T00:00Z")).toBe("2026-02-02T00:00");
  });

  it.each([
    ["5/15 * * * *", "2026-01-01T00:21Z", "2026-01-01T00:35"],
    ["0 0 * * 7", "2026-01-01T00:00Z", "2026-01-04T00:00"],
    ["0 0 * * sun", "2026-01-01T00:00Z", "2026-01-04T00:00"],
    ["0 0 1 * MON", "2026-01-02T00:00Z", "2026-01-05T00:00"],
    ["0 0 */2 * MON", "2026-01-11T00:00Z", "2026-01-12T00:00"],
    ["0 0 */2 * MON", "2026-01-12T00:00Z", "2026-01-13T00:00"],
    ["0 0 1 * */2", "2026-01-31T00:00Z", "2026-02-01T00:00"],
    ["0 0 1 * */3", "2026-04-29T00:00Z", "2026-05-01T00:00"],
    ["0 0 1 * */3", "2026-05-01T00:00Z", "2026-05-02T00:00"],
    ["0 12 L * *", "2026-02-01T00:00Z", "2026-02-28T12:00"],
    ["0 12 * * FRI#2", "2026-02-01T00:00Z", "2026-02-13T12:00"],
    ["0 8-18/5 * * *", "2026-01-01T09:00Z", "2026-01-01T13:00"],
    ["? ? * * ?", "2026-01-01T00:00Z", "2026-01-01T00:01"],
  ])("%j after %s comes at %s", (text, from, expected) => {
    expect(firstOf(text, from)).toBe(expected);
  });

  it.each([
    ["* * * * *", true],
    ["*/15 * * * *", true],
    ["0 */1 * * *", true],
    ["0 0-23 * * *", true],
    ["0 0-11,12-23 * * *", true],
    ["0 */2 * * *", false],
    ["* 1-23 * * *", false],
    ["30 2 * * *", false],
  ])("%j fires in every hour: %s", (text, expected) => {
    expect(parsed(text).everyHour).toBe(expected);
  });

  it("never throws, whatever the text", () => {
    const anything = fc.oneof(
      fc.string(),
      fc
        .array(fc.stringMatching(/^[\d*/,LW#?A-Z-]{1,6}$/), { maxLength: 7 })
        .map((f) => f.join(" ")),
      fc.string().map((zone) => `CRON_TZ=${zone} 0 0 * * *`),
    );
    fc.assert(
      fc.property(anything, (text) => {
        expect(["cron", "invalid"]).toContain(parseCron(text).kind);
      }),
    );
  });
});
