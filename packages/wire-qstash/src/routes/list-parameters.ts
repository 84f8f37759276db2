import { quote } from "@omnistore/domain/quote";
import { InvalidRequest } from "../errors.ts";
import type { Parameter } from "../request/query.ts";
import { parseQuery, valueOf } from "../request/query.ts";

/** As seconds from 2001 to 5138, as milliseconds of the early seventies: nobody has such messages. */
const SECONDS_FROM = 1e9;
const SECONDS_TO = 1e11;

/**
 * The query of a list route, asked by name. A parameter that nobody asks for is ignored, and an
 * empty one is as good as absent. Contract 03 §5, §8, 07 Q35.
 */
export class ListParameters {
  readonly #parameters: readonly Parameter[];

  constructor(parameters: readonly Parameter[]) {
    this.#parameters = parameters;
  }

  has(name: string): boolean {
    return this.#parameters.some((parameter) => parameter.name === name);
  }

  /** The one value of a parameter; 400 when it was given several. */
  one(name: string): string | undefined {
    const [first, second] = this.#valuesOf(name);
    if (first === undefined || second === undefined) return first;
    throw new InvalidRequest(400, `${name} was given twice: ${quote(first)} and ${quote(second)}`);
  }

  /**
   * Every value of a parameter under any of its names, whether repeated or in one comma-separated
   * list; undefined when there is none. `separator` tells the commas of the list from others.
   */
  many(names: readonly string[], separator: RegExp = /,/): readonly string[] | undefined {
    const values = names.flatMap((name) => this.#valuesOf(name));
    return listed(values.flatMap((value) => value.split(separator)));
  }

  /** The same where values may hold commas: one that is escaped is a part of the value. */
  manyWithCommas(name: string): readonly string[] | undefined {
    const parts = this.#parameters.flatMap((parameter) =>
      parameter.name === name ? splitRaw(parameter) : [],
    );
    return listed(new ListParameters(parts).#valuesOf(name));
  }

  /** Unix milliseconds. */
  time(name: string): number | undefined {
    const value = this.one(name);
    if (value === undefined) return undefined;
    const time = Number(value);
    if (time >= SECONDS_FROM && time < SECONDS_TO) {
      throw bad(name, value, `is a time in seconds, not in milliseconds: ${time * 1000} is meant`);
    }
    if (/^\d+$/.test(value) && Number.isSafeInteger(time)) return time;
    throw bad(name, value, "is not a time in Unix milliseconds");
  }

  /** Entries wanted on a page; more than `most` gives `most`. Contract 07 Q36. */
  count(defaultCount: number, most: number): number {
    const value = this.one("count");
    if (value === undefined) return defaultCount;
    if (!/^\d+$/.test(value) || Number(value) < 1) {
      throw bad("count", value, "is not a whole number from 1");
    }
    return Math.min(Number(value), most);
  }

  /** Newest first unless asked otherwise. Contract 07 Q25. */
  order(): "latestFirst" | "earliestFirst" {
    const value = this.one("order");
    if (value === undefined || value === "latestFirst") return "latestFirst";
    if (value === "earliestFirst") return value;
    throw bad("order", value, "is neither latestFirst nor earliestFirst");
  }

  #valuesOf(name: string): string[] {
    const given = this.#parameters.filter((parameter) => parameter.name === name).map(valueOf);
    const unstorable = given.find((value) => value.includes("\0"));
    if (unstorable !== undefined) throw bad(name, unstorable, "holds a NUL character");
    return given.filter((value) => value !== "");
  }
}

/** Without blanks around them, and without those that are nothing but blanks. */
function listed(values: readonly string[]): readonly string[] | undefined {
  const list = values.map((value) => value.trim()).filter((value) => value !== "");
  return list.length === 0 ? undefined : list;
}

/** A parameter as many of its name, cut at the commas that stand in the query as they are. */
function splitRaw({ raw, name }: Parameter): readonly Parameter[] {
  const value = raw.includes("=") ? raw.slice(raw.indexOf("=") + 1) : "";
  return value.split(",").flatMap((part) => parseQuery(`${encodeURIComponent(name)}=${part}`));
}

/** Commas inside a URL or a path stay: only one that begins the next value separates. */
export const BEFORE_URL = /,(?=https?:\/\/)/i;
export const BEFORE_PATH = /,(?=\/)/;

/** A parameter whose value cannot be served. */
export function bad(name: string, value: string, problem: string): InvalidRequest {
  return new InvalidRequest(400, `${name} ${quote(value)} ${problem}`);
}
