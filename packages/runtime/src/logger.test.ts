import { expect, test } from "vitest";
import { createLogger } from "./logger.ts";

test("secrets never reach the log, at any of three depths", () => {
  const lines: string[] = [];
  const logger = createLogger(
    { level: "info", name: "test" },
    { write: (line: string) => void lines.push(line) },
  );
  logger.info(
    {
      token: "hush-1",
      request: { authorization: "hush-2", body: { signingKeys: ["hush-3"] } },
      id: 7,
    },
    "hi",
  );
  expect(lines).toHaveLength(1);
  expect(lines[0]).not.toContain("hush");
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({
    name: "test",
    msg: "hi",
    id: 7,
    token: "[secret]",
  });
});

test("an error whose meaning is known is logged with it", () => {
  const lines: string[] = [];
  const logger = createLogger(
    {
      level: "info",
      name: "test",
      reasonOf: (error) => (error instanceof RangeError ? "there is too much of it" : undefined),
    },
    { write: (line: string) => void lines.push(line) },
  );
  logger.child({ part: "a" }).error({ err: new RangeError("said") }, "it failed");
  logger.error({ err: new Error("said") }, "it failed");
  expect(lines.map((line) => (JSON.parse(line) as { reason?: string }).reason)).toEqual([
    "there is too much of it",
    undefined,
  ]);
});

test("the values of a failed statement never reach the log", () => {
  const lines: string[] = [];
  const logger = createLogger(
    { level: "info", name: "test" },
    { write: (line: string) => void lines.push(line) },
  );
  const below = Object.assign(new Error("too many clients"), { code: "53300" });
  // As Drizzle makes it.
  const statement = Object.assign(
    new Error("Failed query: select $1\nparams: hush-1", { cause: below }),
    { query: "select $1", params: ["hush-1"] },
  );
  logger.error({ err: statement }, "first");
  logger.error({ err: new RangeError("it is away", { cause: statement }) }, "second");
  expect(lines.join("")).not.toContain("hush");
  const [first, second] = lines.map((line) => JSON.parse(line) as { err: object });
  expect(first?.err).toMatchObject({ message: "too many clients", code: "53300" });
  expect(second?.err).toMatchObject({
    type: "RangeError",
    message: "it is away: too many clients",
    stack: expect.stringContaining("too many clients"),
  });
});
