import { hash } from "node:crypto";
import type { Callback, HeaderMap, Message } from "@omnistore/domain/message/message";
import type { Redaction } from "@omnistore/domain/message/redaction";
import { canonicalHeaderName } from "@omnistore/domain/message/header-names";
import { decodeRedaction } from "../headers/redaction.ts";
import { fromFieldValue } from "../headers/field-text.ts";

/** What may be shown of a message: the original, or the hash of what its publisher hides. */
export interface Shown {
  readonly headers: HeaderMap;
  readonly body: Buffer;
  /** What its callbacks forward; empty without callbacks. */
  readonly callbackHeaders: HeaderMap;
  readonly failureCallbackHeaders: HeaderMap;
}

/** Applies a message's redaction: `REDACTED:` and the SHA-256 of the original, in hex. Contract 01 §7. */
export function redact({
  headers,
  body,
  options,
}: Pick<Message, "headers" | "body" | "options">): Shown {
  const { redaction, callback, failureCallback } = options;
  return {
    headers: redactHeaders(headers, [redaction]),
    body: redaction?.body === true && body.length > 0 ? Buffer.from(redacted(body)) : body,
    callbackHeaders: headersOf(callback, redaction),
    failureCallbackHeaders: headersOf(failureCallback, redaction),
  };
}

/** Hidden is what either of the two hides: the message, or the callback for itself. */
function headersOf(callback: Callback | undefined, redaction: Redaction | undefined): HeaderMap {
  return redactHeaders(callback?.headers ?? {}, [redaction, callback?.options.redaction]);
}

const REDACT_FIELDS = "Upstash-Redact-Fields";
const OF_A_SETTING = /^Upstash-(?:(?:Failure-)?Callback-)?(?:Forward-(.+))?/i;

/** Settings that are kept as headers, with what they themselves hide of the headers that they forward. */
export function redactSettings(settings: HeaderMap): HeaderMap {
  const hidden = decodeRedaction(settings[REDACT_FIELDS]?.join(","))?.headers ?? [];
  return Object.fromEntries(
    Object.entries(settings).map(([name, values]) => {
      const setting = OF_A_SETTING.exec(name);
      const forwarded = setting === null ? name : setting[1];
      const isHidden =
        forwarded !== undefined &&
        (hidden === "all" || hidden.includes(canonicalHeaderName(forwarded)));
      return [name, isHidden ? values.map(redactedText) : values];
    }),
  );
}

/** What is shown is the text; what is hidden is the hash of the bytes that are delivered. */
function redactHeaders(
  headers: HeaderMap,
  redactions: readonly (Redaction | undefined)[],
): HeaderMap {
  const hidden = new Set(redactions.flatMap((redaction) => redaction?.headers ?? []));
  return Object.fromEntries(
    Object.entries(headers).map(([name, values]) => {
      const isHidden = hidden.has("all") || hidden.has(name);
      return [name, values.map(isHidden ? redactedBytes : fromFieldValue)];
    }),
  );
}

function redactedBytes(value: string): string {
  return redacted(Buffer.from(value, "latin1"));
}

/** A secret in the same form. */
export function redactedText(secret: string): string {
  return redacted(Buffer.from(secret));
}

function redacted(original: Buffer): string {
  return `REDACTED:${hash("sha256", original)}`;
}
