import { canonicalHeaderName } from "@omnistore/domain/message/header-names";
import type { HeaderMap } from "@omnistore/domain/message/message";
import { quote } from "@omnistore/domain/quote";
import { decodeBoolean } from "./boolean.ts";
import type { Configuration } from "./configuration.ts";
import { givenTwice } from "./configuration.ts";
import { isFieldName, isFieldValue, toFieldValue } from "./field-text.ts";
import { asReceiversRead, isForwardable } from "./hygiene.ts";
import { refusal } from "./refusal.ts";

/** Where the publisher's own `Authorization` stands. */
export interface ForwardContext {
  /** True when it held our token: then it is nobody else's business. */
  readonly authorizationIsOurs: boolean;
}

/**
 * The headers of the delivery that come from the publisher: every `Upstash-Forward-X` as X, with
 * `Upstash-Header-Forward: true` every other header of the request too, and the content type as
 * published, which no forwarded header can change. Contract 00 §9, 01 §3, 02 §1.
 */
export function decodeHeaders(configuration: Configuration, context: ForwardContext): HeaderMap {
  const { settings, forwarded, foreign } = configuration;
  const headers = new Map<string, string[]>();
  for (const { name, value } of forwarded) {
    const canonical = checkedName(name, value);
    const sendable = checkedValue(`Upstash-Forward-${name}`, value);
    if (asReceiversRead(canonical) === "Content-Type" || !isForwardable(canonical)) continue;
    append(headers, canonical, sendable);
  }
  if (decodeBoolean("Upstash-Header-Forward", settings.get("header-forward"))) {
    appendForeign(headers, configuration, context);
  }
  const [contentType, another] = foreign.filter(
    ({ name }) => name.toLowerCase() === "content-type",
  );
  if (contentType !== undefined && another !== undefined) {
    throw givenTwice("Content-Type", contentType.value, another.value);
  }
  if (contentType !== undefined && contentType.value !== "") {
    headers.set("Content-Type", [checkedValue("Content-Type", contentType.value)]);
  }
  // Not by assignment: a header may be called `__proto__`.
  return Object.fromEntries(headers);
}

/** An explicitly forwarded header wins over one of the same name that is merely passed on. */
function appendForeign(
  headers: Map<string, string[]>,
  { foreign }: Configuration,
  { authorizationIsOurs }: ForwardContext,
): void {
  const passedOn = new Map<string, string[]>();
  const hops = namedByConnection(foreign);
  for (const { name, value } of foreign) {
    const canonical = canonicalHeaderName(name);
    if (headers.has(canonical) || hops.has(canonical)) continue;
    if (asReceiversRead(canonical) === "Content-Type" || !isForwardable(canonical)) continue;
    if (asReceiversRead(canonical) === "Authorization" && authorizationIsOurs) continue;
    append(passedOn, canonical, checkedValue(name, value));
  }
  for (const [name, values] of passedOn) headers.set(name, values);
}

/** Headers that the `Connection` header calls hop-by-hop. */
function namedByConnection(foreign: Configuration["foreign"]): ReadonlySet<string> {
  const connection = foreign.filter(({ name }) => name.toLowerCase() === "connection");
  const names = connection.flatMap(({ value }) => value.split(","));
  return new Set(names.map((name) => canonicalHeaderName(name.trim())));
}

function checkedName(name: string, value: string): string {
  if (!isFieldName(name)) {
    throw refusal("Upstash-Forward-", name, `is not a header name (value ${quote(value)})`);
  }
  return canonicalHeaderName(name);
}

/** The value as the bytes that a header carries, each as a character of Latin-1. */
function checkedValue(header: string, value: string): string {
  const sendable = toFieldValue(value);
  if (value.isWellFormed() && isFieldValue(sendable)) return sendable;
  throw refusal(header, value, "holds characters that no HTTP header may hold");
}

function append(headers: Map<string, string[]>, name: string, value: string): void {
  const values = headers.get(name);
  if (values === undefined) headers.set(name, [value]);
  else values.push(value);
}
