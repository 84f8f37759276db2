import { describe, expect, test } from "vitest";

import type { Callback } from "../message/message.ts";
import { hasCallbacks, planCallbacks } from "./plan-callbacks.ts";

const callback: Callback = { url: "https://c.test", method: "POST", headers: {}, options: {} };
const failureCallback: Callback = { ...callback, url: "https://f.test" };
const both = { callback, failureCallback };
const told = { callback, isFailureCallback: false };
const toldOfDeath = { callback: failureCallback, isFailureCallback: true };

describe("02 §5 when callbacks are published", () => {
  test.each([
    [both, "delivered", [told]],
    [both, "retry", [told]],
    [both, "dead", [told, toldOfDeath]],
    [{ callback }, "delivered", [told]],
    [{ callback }, "retry", [told]],
    [{ callback }, "dead", [told]],
    [{ failureCallback }, "delivered", []],
    [{ failureCallback }, "retry", []],
    [{ failureCallback }, "dead", [toldOfDeath]],
    [{}, "delivered", []],
    [{}, "retry", []],
    [{}, "dead", []],
  ] as const)("%o after %s", (options, next, planned) => {
    expect(planCallbacks(options, next)).toEqual(planned);
    expect(hasCallbacks(options)).toBe(Object.keys(options).length > 0);
  });
});
