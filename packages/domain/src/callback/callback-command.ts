import type { Callback, Message, MessageOptions } from "../message/message.ts";
import type { Redaction } from "../message/redaction.ts";
import type { Due, PublishCommand } from "../publish/publish-command.ts";

/**
 * The publish of a callback about `source`, on behalf of its publisher: as the callback asks for,
 * with as many retries as the source where it does not say. `body` is the wire's JSON, `nowMs` Unix
 * milliseconds. Contract 02 §5.
 */
export function callbackCommand(
  callback: Callback,
  source: Message,
  body: Buffer,
  nowMs: number,
): PublishCommand {
  const { url, method, headers, maxRetries, options } = callback;
  return {
    tenantId: source.tenantId,
    wire: source.wire,
    destination: url,
    method,
    headers: { ...headers, "Content-Type": ["application/json"] },
    body,
    due: dueOf(callback, nowMs),
    maxRetries: maxRetries ?? source.maxRetries,
    options: { ...options, ...inherited(callback, source) },
  };
}

/** By the time of the attempt, what was to wait may have waited enough. */
function dueOf({ delayMs, notBeforeMs }: Callback, nowMs: number): Due {
  if (notBeforeMs !== undefined && notBeforeMs > nowMs) return { kind: "at", unixMs: notBeforeMs };
  return delayMs === undefined ? { kind: "now" } : { kind: "after", delayMs };
}

/**
 * The payload holds the source: who hid a part of that does not want to read it here. A header that
 * the source hides is hidden in its callbacks too, as it is where the source itself shows them.
 */
function inherited({ options }: Callback, source: Message): MessageOptions {
  const { callerIp, redaction } = source.options;
  return {
    ...(callerIp === undefined ? {} : { callerIp }),
    ...(redaction === undefined
      ? {}
      : { redaction: { body: true, headers: headersHidden(redaction, options.redaction) } }),
  };
}

function headersHidden(ofSource: Redaction, own: Redaction | undefined): Redaction["headers"] {
  if (ofSource.headers === "all" || own?.headers === "all") return "all";
  return [...ofSource.headers, ...(own?.headers ?? [])];
}
