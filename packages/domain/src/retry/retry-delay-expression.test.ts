import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseRetryDelayExpression } from "./retry-delay-expression.ts";

function evaluate(text: string, retried = 0): number {
  const parsed = parseRetryDelayExpression(text);
  if (parsed.kind === "invalid") throw new Error(`${text}: ${parsed.reason}`);
  return parsed.evaluate(retried);
}

function reason(text: string): string {
  const parsed = parseRetryDelayExpression(text);
  if (parsed.kind === "expression") throw new Error(`${text} was accepted`);
  return parsed.reason;
}

/** Pairs of an expression and what JavaScript itself makes of it. */
const { sum } = fc.letrec<Record<"sum" | "operand", { text: string; value: number }>>((tie) => ({
  sum: fc.oneof(
    { maxDepth: 6, withCrossShrink: true },
    tie("operand"),
    fc
      .tuple(tie("sum"), fc.constantFrom("+", "-", "*", "/"), tie("sum"))
      .map(([left, sign, right]) => ({
        text: `(${left.text}) ${sign} (${right.text})`,
        value: {
          "+": left.value + right.value,
          "-": left.value - right.value,
          "*": left.value * right.value,
          "/": left.value / right.value,
        }[sign],
      })),
    fc.array(tie("sum"), { minLength: 2, maxLength: 3 }).map((all) => ({
      text: `max(${all.map(({ text }) => text).join(",")})`,
      value: Math.max(...all.map(({ value }) => value)),
    })),
    tie("sum").map(({ text, value }) => ({ text: `-floor( ${text} )`, value: -Math.floor(value) })),
  ),
  operand: fc.oneof(
    fc.nat(1_000_000).map((value) => ({ text: `${value}`, value })),
    fc.double({ min: 0, max: 1e30, noNaN: true }).map((value) => ({ text: `${value}`, value })),
    fc.constant({ text: "retried", value: 7 }),
  ),
}));

describe("01 §4 parseRetryDelayExpression", () => {
  test.each([
    ["1000", 3, 1000],
    ["1000 * (1 + retried)", 2, 3000],
    ["pow(2, retried) * 1000", 3, 8000],
    ["max(1000, pow(2, retried) * 100)", 0, 1000],
    ["max(1000, pow(2, retried) * 100)", 5, 3200],
    ["1000 * retried", 4, 4000],
    ["sqrt(16) + abs(-3) + exp(0)", 0, 8],
    ["floor(1.9) + ceil(1.1) + round(1.5)", 0, 5],
    ["min(3, 2, 1)", 0, 1],
    ["8 - 2 - 1", 0, 5],
    ["8 / 2 / 2", 0, 2],
    ["2 + 3 * 4", 0, 14],
    ["-2 * -3", 0, 6],
    ["2 - --3", 0, -1],
    ["1.5e3 + .5 + 2. + 1E-1", 0, 1502.6],
    ["\t( retried )\n", 9, 9],
    ["retried / 0", 1, Infinity],
    ["0 / retried", 0, Number.NaN],
    ["1e999", 0, Infinity],
  ])("%j with retried = %d gives %d", (text, retried, expected) => {
    expect(evaluate(text, retried)).toBe(expected);
  });

  test.each([
    ["", "unexpected end"],
    ["  ", "unexpected end"],
    ["1 +", "unexpected end"],
    ["(1", 'unexpected end where ")" should be'],
    ["1)", 'unexpected ")" at position 2'],
    ["1 2", 'unexpected "2" at position 3'],
    ["2retried", 'unexpected "retried" at position 2'],
    ["1.2.3", 'unexpected ".3" at position 4'],
    ["0x10", 'unexpected "x10" at position 2'],
    ["1_000", 'unexpected "_000" at position 2'],
    ["+1", 'unexpected "+" at position 1'],
    ["2 ** 3", 'unexpected "*" at position 4'],
    ["2 % 3", 'unexpected "%" at position 3'],
    ["retried()", 'unexpected "(" at position 8'],
    ["pow", 'unexpected end where "(" should be'],
    ["pow()", 'unexpected ")" at position 5'],
    ["pow(1,)", 'unexpected ")" at position 7'],
    ["pow(2)", '"pow" at position 1 takes 2 values, not 1'],
    ["1 + sqrt(2, 3)", '"sqrt" at position 5 takes 1 value, not 2'],
    ["min(1)", '"min" at position 1 takes 2 or more values, not 1'],
    ["log(2)", 'unknown name "log" at position 1'],
    ["Retried", 'unknown name "Retried" at position 1'],
    ["constructor(1)", 'unknown name "constructor" at position 1'],
    ["__proto__", 'unknown name "__proto__" at position 1'],
    ["Math.pow(1,2)", 'unknown name "Math" at position 1'],
    ["1; 2", 'unexpected ";" at position 2'],
    ["1 ÷ 2", 'unexpected "÷" at position 3'],
    ["😀", 'unexpected "😀" at position 1'],
    ["`1`", 'unexpected "`" at position 1'],
  ])("refuses %j: %s", (text, why) => {
    expect(reason(text)).toBe(why);
  });

  test("takes 512 characters and no more", () => {
    expect(evaluate(`1${"+1".repeat(255)}`.padEnd(512))).toBe(256);
    expect(reason("1".padEnd(513))).toBe("longer than 512 characters");
  });

  test.each([
    ["parentheses", "(", ")"],
    ["calls", "abs(", ")"],
    ["minus signs", "-", ""],
  ])("nests %s 63 deep around a number and no deeper", (_, open, close) => {
    const nested = (depth: number): string => open.repeat(depth) + "1" + close.repeat(depth);
    expect(Math.abs(evaluate(nested(63)))).toBe(1);
    expect(reason(nested(64))).toBe("nested deeper than 64 levels");
  });

  test("gives what JavaScript gives for the same arithmetic", () => {
    fc.assert(
      fc.property(sum, ({ text, value }) => {
        fc.pre(text.length <= 512);
        expect(evaluate(text, 7)).toBe(value);
      }),
    );
  });

  test("answers any text with a number or a reason, and never throws", () => {
    const pieces = fc.constantFrom(
      "retried",
      "pow",
      "min",
      "(",
      ")",
      ",",
      "+",
      "-",
      "*",
      "/",
      "1",
      ".",
      "e",
      " ",
      "toString",
    );
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(pieces).map((all) => all.join("")),
    );
    fc.assert(
      fc.property(text, fc.nat(1000), (anything, retried) => {
        const parsed = parseRetryDelayExpression(anything);
        if (parsed.kind === "expression") expect(parsed.evaluate(retried)).toBeTypeOf("number");
        else expect(parsed.reason).not.toBe("");
      }),
    );
  });
});
