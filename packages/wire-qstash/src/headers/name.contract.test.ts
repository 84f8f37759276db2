import { describe, expect, test } from "vitest";

import { decodeFlowControl } from "./flow-control.ts";
import { checkName, isName } from "./name.ts";

describe("00 §5 names", () => {
  test.each(["a", "...", ".a", "a.", "a..b", "-", "_", "x".repeat(256)])("%s is one", (name) => {
    expect(checkName("queueName", name)).toBe(name);
  });

  test.each([".", ".."])("%s could not be addressed: 400 that names the field", (name) => {
    const refused = { status: 400, message: `queueName "${name}" cannot be addressed in a path` };
    expect(() => checkName("queueName", name)).toThrow(expect.objectContaining(refused));
    expect(isName(name)).toBe(false);
  });

  test.each([".", ".."])("a flow-control key cannot be %s either", (key) => {
    const refused = {
      status: 400,
      message: expect.stringContaining(`"${key}" cannot be addressed`),
    };
    expect(() => decodeFlowControl(key, "rate=1")).toThrow(expect.objectContaining(refused));
  });
});
