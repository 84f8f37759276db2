import { quote } from "@omnistore/domain/quote";
import { InvalidRequest } from "../errors.ts";
import type { Parameter } from "../request/query.ts";
import { valueOf } from "../request/query.ts";
import { fromFieldValue } from "./field-text.ts";

/** What a publisher asked for, sorted by what it is but not yet understood. */
export interface Configuration {
  /** The value of `Upstash-<name>` by `<name>` in lower case; lists that came in parts are joined. */
  readonly settings: ReadonlyMap<string, string>;
  /** `Upstash-Forward-X: value` as X and value, in the order received. */
  readonly forwarded: readonly HeaderField[];
  /** Every request header that is not ours, in the order received. */
  readonly foreign: readonly HeaderField[];
  /** What came behind `Upstash-Callback-`, that prefix cut off: it is of the same family. */
  readonly callback?: Configuration | undefined;
  /** The same behind `Upstash-Failure-Callback-`. */
  readonly failureCallback?: Configuration | undefined;
}

export interface HeaderField {
  readonly name: string;
  readonly value: string;
}

const PREFIX = "upstash-";
const FORWARD_PREFIX = "forward-";

/** A message has callbacks and these have their own, which have none. Contract 07 Q44. */
const CALLBACK_LEVELS = 2;

const CALLBACK_PREFIXES = [
  { prefix: "callback-", of: "callback" },
  { prefix: "failure-callback-", of: "failureCallback" },
] as const;

/** The settings that are the URLs of callbacks. */
const CALLBACK_URLS: ReadonlySet<string> = new Set(["callback", "failure-callback"]);

/** Settings whose value is a list: several headers are one list in parts. */
const LISTS: ReadonlySet<string> = new Set(["label", "redact-fields", "flow-control-value"]);

/** Settings that have one value. Whatever is not named here or above is ignored. Contract 00 §9. */
const SINGLES: ReadonlySet<string> = new Set([
  "method",
  "delay",
  "not-before",
  "retries",
  "retry-delay",
  "timeout",
  "deduplication-id",
  "content-based-deduplication",
  "header-forward",
  ...CALLBACK_URLS,
  "flow-control-key",
  "cron",
  "schedule-id",
  "queue-name",
]);

/** Every setting that a message can have, as `docs/headers.md` lists them. */
export const SETTING_NAMES: readonly string[] = [...LISTS, ...SINGLES];

/**
 * Gathers configuration from the raw headers of a request and from the query parameters that are
 * ours; a header wins over a parameter of the same name. The same setting given twice in one place
 * is refused with 400, because either value could be the one that was meant. Contract 00 §8, §9.
 */
export function gatherConfiguration(
  rawHeaders: readonly string[],
  reserved: readonly Parameter[],
): Configuration {
  const fromHeaders = gather(rawHeaders, fromFieldValue);
  if (reserved.length === 0) return fromHeaders;
  const fromQuery = new Gatherer();
  for (const parameter of reserved) {
    if (fromQuery.knows(parameter.name)) fromQuery.add(parameter.name, valueOf(parameter).trim());
  }
  return withDefaults(fromHeaders, fromQuery);
}

/** The same of headers that came as JSON, whose values are text already. */
export function gatherFromJson(headers: readonly string[]): Configuration {
  return gather(headers, asItIs);
}

/** How the value of a setting is read. What is forwarded keeps its bytes. */
type ToText = (value: string) => string;

function asItIs(value: string): string {
  return value;
}

function gather(headers: readonly string[], toText: ToText): Gatherer {
  const gatherer = new Gatherer(toText);
  for (let index = 0; index + 1 < headers.length; index += 2) {
    gatherer.add(headers[index] ?? "", headers[index + 1] ?? "");
  }
  return gatherer;
}

class Gatherer implements Configuration {
  readonly settings = new Map<string, string>();
  readonly forwarded: HeaderField[] = [];
  readonly foreign: HeaderField[] = [];
  callback: Gatherer | undefined;
  failureCallback: Gatherer | undefined;
  readonly #toText: ToText;
  /** How many levels of callbacks there may be below. */
  readonly #levels: number;

  constructor(toText: ToText = asItIs, levels = CALLBACK_LEVELS) {
    this.#toText = toText;
    this.#levels = levels;
  }

  knows(name: string): boolean {
    const lower = name.toLowerCase();
    return lower.startsWith(PREFIX) && isKnown(lower.slice(PREFIX.length), this.#levels);
  }

  add(name: string, value: string): void {
    if (name.toLowerCase().startsWith(PREFIX))
      this.#addOurs(name.slice(PREFIX.length), name, value);
    else this.foreign.push({ name, value });
  }

  /** `rest` is what is left of the name: no prefix is the beginning of another, so order is no matter. */
  #addOurs(rest: string, name: string, value: string): void {
    const lower = rest.toLowerCase();
    const nested = callbackPrefix(lower, this.#levels);
    if (nested !== undefined) {
      const below = (this[nested.of] ??= new Gatherer(this.#toText, this.#levels - 1));
      below.#addOurs(rest.slice(nested.prefix.length), name, value);
    } else if (lower.startsWith(FORWARD_PREFIX)) {
      this.forwarded.push({ name: rest.slice(FORWARD_PREFIX.length), value });
    } else if (isKnown(lower, this.#levels)) {
      this.#set(lower, name, this.#toText(value));
    }
  }

  #set(setting: string, name: string, value: string): void {
    const before = this.settings.get(setting);
    if (before === undefined) {
      this.settings.set(setting, value);
    } else if (LISTS.has(setting)) {
      this.settings.set(setting, `${before},${value}`);
    } else {
      throw givenTwice(name, before, value);
    }
  }
}

function callbackPrefix(rest: string, levels: number) {
  if (levels === 0) return undefined;
  return CALLBACK_PREFIXES.find(({ prefix }) => rest.startsWith(prefix));
}

/** Whether a name means something here; `rest` is in lower case and has lost its prefixes. */
function isKnown(rest: string, levels: number): boolean {
  const nested = callbackPrefix(rest, levels);
  if (nested !== undefined) return isKnown(rest.slice(nested.prefix.length), levels - 1);
  if (rest.startsWith(FORWARD_PREFIX) || LISTS.has(rest)) return true;
  return SINGLES.has(rest) && (levels > 0 || !CALLBACK_URLS.has(rest));
}

/** What `own` says, and what `defaults` say of whatever it leaves out. */
export function withDefaults(own: Configuration, defaults: Configuration): Configuration {
  return {
    settings: withDefaultSettings(own.settings, defaults.settings),
    forwarded: withDefaultFields(own.forwarded, defaults.forwarded),
    foreign: withDefaultFields(own.foreign, defaults.foreign),
    callback: eitherOrBoth(own.callback, defaults.callback),
    failureCallback: eitherOrBoth(own.failureCallback, defaults.failureCallback),
  };
}

/** Who says one of these has said the other too: where both stand, one of them says nothing. */
const ALTERNATIVES: readonly (readonly string[])[] = [
  ["delay", "not-before"],
  ["deduplication-id", "content-based-deduplication"],
];

function withDefaultSettings(
  own: Configuration["settings"],
  defaults: Configuration["settings"],
): ReadonlyMap<string, string> {
  const settings = new Map(defaults);
  for (const names of ALTERNATIVES) {
    if (names.some((name) => own.has(name))) for (const name of names) settings.delete(name);
  }
  for (const [name, value] of own) settings.set(name, value);
  return settings;
}

/** A field that is given, once or several times, is given altogether. */
function withDefaultFields(
  own: readonly HeaderField[],
  defaults: readonly HeaderField[],
): readonly HeaderField[] {
  if (defaults.length === 0) return own;
  const given = new Set(own.map(({ name }) => name.toLowerCase()));
  return [...own, ...defaults.filter(({ name }) => !given.has(name.toLowerCase()))];
}

function eitherOrBoth(
  own: Configuration | undefined,
  defaults: Configuration | undefined,
): Configuration | undefined {
  if (own === undefined || defaults === undefined) return own ?? defaults;
  return withDefaults(own, defaults);
}

/** The refusal of what can have one value only. */
export function givenTwice(name: string, first: string, second: string): InvalidRequest {
  return new InvalidRequest(400, `${name} was given twice: ${quote(first)} and ${quote(second)}`);
}
