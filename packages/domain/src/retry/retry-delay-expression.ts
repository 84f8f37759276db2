/** A retry delay written by the publisher, ready to be worked out. Contract 01 §4. */
export interface RetryDelayExpression {
  readonly kind: "expression";
  /**
   * The raw result in milliseconds: it may be negative, infinite or not a number.
   * `retried` is how often the message has been retried already, 0 before the first retry.
   */
  readonly evaluate: (retried: number) => number;
}

/** Why a text is not an expression, in words that name the offending part. */
export interface RetryDelayExpressionError {
  readonly kind: "invalid";
  readonly reason: string;
}

type Evaluate = RetryDelayExpression["evaluate"];

interface Token {
  readonly text: string;
  readonly kind: "number" | "name" | "sign" | "end";
  /** Counted from 1, for people. */
  readonly position: number;
}

interface KnownFunction {
  readonly fewest: number;
  readonly most: number;
  readonly compute: (...values: number[]) => number;
}

const MAX_LENGTH = 512;
const MAX_DEPTH = 64;

const FUNCTIONS: ReadonlyMap<string, KnownFunction> = new Map([
  ["pow", { fewest: 2, most: 2, compute: Math.pow }],
  ["sqrt", { fewest: 1, most: 1, compute: Math.sqrt }],
  ["abs", { fewest: 1, most: 1, compute: Math.abs }],
  ["exp", { fewest: 1, most: 1, compute: Math.exp }],
  ["floor", { fewest: 1, most: 1, compute: Math.floor }],
  ["ceil", { fewest: 1, most: 1, compute: Math.ceil }],
  ["round", { fewest: 1, most: 1, compute: Math.round }],
  ["min", { fewest: 2, most: Infinity, compute: Math.min }],
  ["max", { fewest: 2, most: Infinity, compute: Math.max }],
]);

const TOKEN =
  /\s*(?:(?<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)|(?<name>\w+)|(?<sign>\S))/guy;

/** Carries a reason up from any depth of the parser; it never leaves this file. */
class Rejection extends Error {}

/**
 * Reads an expression of numbers, `retried`, `+ - * /`, parentheses, unary minus and the functions
 * above; nothing else is known to it, so nothing else can run. Written out here because the
 * parsers on offer accept a larger language and are set up for the whole process at once.
 */
export function parseRetryDelayExpression(
  text: string,
): RetryDelayExpression | RetryDelayExpressionError {
  if (text.length > MAX_LENGTH) {
    return { kind: "invalid", reason: `longer than ${MAX_LENGTH} characters` };
  }
  try {
    return { kind: "expression", evaluate: new Parser(text).parse() };
  } catch (error) {
    if (error instanceof Rejection) return { kind: "invalid", reason: error.message };
    throw error;
  }
}

/** Recursive descent: one method for each level of precedence, one token of look-ahead. */
class Parser {
  readonly #tokens: Iterator<Token, Token>;
  #next: Token;
  #depth = 0;

  constructor(text: string) {
    this.#tokens = tokens(text);
    this.#next = this.#tokens.next().value;
  }

  parse(): Evaluate {
    const evaluate = this.#sum();
    if (this.#next.kind !== "end") throw unexpected(this.#next);
    return evaluate;
  }

  #sum(): Evaluate {
    let left = this.#product();
    for (;;) {
      const before = left;
      if (this.#accept("+")) {
        const right = this.#product();
        left = (retried) => before(retried) + right(retried);
      } else if (this.#accept("-")) {
        const right = this.#product();
        left = (retried) => before(retried) - right(retried);
      } else {
        return left;
      }
    }
  }

  #product(): Evaluate {
    let left = this.#factor();
    for (;;) {
      const before = left;
      if (this.#accept("*")) {
        const right = this.#factor();
        left = (retried) => before(retried) * right(retried);
      } else if (this.#accept("/")) {
        const right = this.#factor();
        left = (retried) => before(retried) / right(retried);
      } else {
        return left;
      }
    }
  }

  /** Every way of nesting passes here, so this is where the depth is held. */
  #factor(): Evaluate {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw new Rejection(`nested deeper than ${MAX_DEPTH} levels`);
    const evaluate = this.#accept("-") ? negate(this.#factor()) : this.#operand();
    this.#depth -= 1;
    return evaluate;
  }

  #operand(): Evaluate {
    const token = this.#take();
    if (token.kind === "number") {
      const value = Number(token.text);
      return () => value;
    }
    if (token.kind === "name") {
      return token.text === "retried" ? (retried) => retried : this.#call(token);
    }
    if (token.text !== "(") throw unexpected(token);
    const inner = this.#sum();
    this.#expect(")");
    return inner;
  }

  #call(name: Token): Evaluate {
    const known = FUNCTIONS.get(name.text);
    if (known === undefined) throw new Rejection(`unknown name ${shown(name)}`);
    this.#expect("(");
    const inputs = [this.#sum()];
    while (this.#accept(",")) inputs.push(this.#sum());
    this.#expect(")");
    if (inputs.length < known.fewest || inputs.length > known.most) {
      const orMore = known.most === Infinity ? " or more" : "";
      const values = known.most === 1 ? "value" : "values";
      throw new Rejection(
        `${shown(name)} takes ${known.fewest}${orMore} ${values}, not ${inputs.length}`,
      );
    }
    return (retried) => known.compute(...inputs.map((input) => input(retried)));
  }

  #take(): Token {
    const token = this.#next;
    if (token.kind !== "end") this.#next = this.#tokens.next().value;
    return token;
  }

  #accept(sign: string): boolean {
    if (this.#next.text !== sign) return false;
    this.#take();
    return true;
  }

  #expect(sign: string): void {
    if (!this.#accept(sign)) throw unexpected(this.#next, ` where "${sign}" should be`);
  }
}

function* tokens(text: string): Generator<Token, Token> {
  for (const match of text.matchAll(TOKEN)) {
    const { number, name, sign } = match.groups ?? {};
    const found = number ?? name ?? sign ?? "";
    const kind = number !== undefined ? "number" : name !== undefined ? "name" : "sign";
    yield { text: found, kind, position: match.index + match[0].length - found.length + 1 };
  }
  return { text: "", kind: "end", position: text.length + 1 };
}

function negate(evaluate: Evaluate): Evaluate {
  return (retried) => -evaluate(retried);
}

function unexpected(token: Token, detail = ""): Rejection {
  return new Rejection(`unexpected ${shown(token)}${detail}`);
}

function shown(token: Token): string {
  return token.kind === "end" ? "end" : `"${token.text}" at position ${token.position}`;
}
