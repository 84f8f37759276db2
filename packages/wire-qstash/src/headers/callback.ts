import { destinationProblem } from "@omnistore/domain/deliver/destination";
import type { DestinationPolicy } from "@omnistore/domain/deliver/destination-policy";
import type { Callback } from "@omnistore/domain/message/message";
import type { Plan } from "@omnistore/domain/tenant/plans";
import { definedOnly } from "../defined-only.ts";
import { decodeBoolean } from "./boolean.ts";
import type { Configuration } from "./configuration.ts";
import { decodeDue } from "./due.ts";
import { decodeFlowControl } from "./flow-control.ts";
import { decodeHeaders } from "./forward.ts";
import { decodeLabels } from "./labels.ts";
import { decodeMethod } from "./method.ts";
import { decodeRedaction } from "./redaction.ts";
import { behindPrefix, refusal } from "./refusal.ts";
import { decodeRetries, decodeRetryDelay } from "./retries.ts";
import { decodeTimeout } from "./timeout.ts";

/** Which callbacks are allowed. */
export interface CallbackContext {
  /** Unix milliseconds. */
  readonly nowMs: number;
  /** Where messages may go. */
  readonly destinations: DestinationPolicy;
  /** How much may be asked for. */
  readonly plan: Plan;
}

const NOTHING: Configuration = { settings: new Map(), forwarded: [], foreign: [] };

/**
 * The options that a message and a callback have in common, callbacks of their own among them: how
 * deep these go is bounded where the configuration is gathered. Contract 01 §3, 00 §9.
 */
export function decodeOptions(
  { settings, callback, failureCallback }: Configuration,
  context: CallbackContext,
): Callback["options"] {
  return definedOnly({
    retryDelay: decodeRetryDelay(settings.get("retry-delay")),
    timeoutMs: decodeTimeout(settings.get("timeout"), context.plan),
    labels: decodeLabels(settings.get("label")),
    redaction: decodeRedaction(settings.get("redact-fields")),
    flowControl: decodeFlowControl(
      settings.get("flow-control-key"),
      settings.get("flow-control-value"),
    ),
    callback: decodeCallback("Upstash-Callback", settings.get("callback"), callback, context),
    failureCallback: decodeCallback(
      "Upstash-Failure-Callback",
      settings.get("failure-callback"),
      failureCallback,
      context,
    ),
  });
}

/**
 * `header` holds the URL; what came behind `header-` is read as if it were a message's own. Without
 * a URL it is about nothing, but what is wrong in it is told all the same.
 */
function decodeCallback(
  header: string,
  url: string | undefined,
  configuration: Configuration | undefined,
  context: CallbackContext,
): Callback | undefined {
  if (url !== undefined) {
    const problem = destinationProblem(url, context.destinations);
    if (problem !== null) throw refusal(header, url, `cannot be called: ${problem}`);
  }
  if (url === undefined && configuration === undefined) return undefined;
  const request = decodeRequest(header, configuration ?? NOTHING, context);
  return url === undefined ? undefined : { url, ...request };
}

function decodeRequest(
  header: string,
  configuration: Configuration,
  context: CallbackContext,
): Omit<Callback, "url"> {
  const { settings } = configuration;
  return behindPrefix(`${header}-`, () => {
    refuseWhatCallbacksLack(settings);
    const due = decodeDue(settings.get("not-before"), settings.get("delay"), context);
    return definedOnly({
      method: decodeMethod(settings.get("method")),
      headers: decodeHeaders(configuration, { authorizationIsOurs: true }),
      maxRetries: decodeRetries(settings.get("retries"), context.plan),
      delayMs: due.kind === "after" ? due.delayMs : undefined,
      notBeforeMs: due.kind === "at" ? due.unixMs : undefined,
      options: decodeOptions(configuration, context),
    });
  });
}

/** Each attempt is told once and at once: nothing makes a callback a schedule or a duplicate. */
const LACKING = [
  ["cron", "Upstash-Cron"],
  ["schedule-id", "Upstash-Schedule-Id"],
  ["queue-name", "Upstash-Queue-Name"],
  ["deduplication-id", "Upstash-Deduplication-Id"],
] as const;
const NEVER_TRUE = [
  ["content-based-deduplication", "Upstash-Content-Based-Deduplication"],
  ["header-forward", "Upstash-Header-Forward"],
] as const;
const NO_PLACE = "has no place on a callback";

function refuseWhatCallbacksLack(settings: ReadonlyMap<string, string>): void {
  for (const [setting, header] of LACKING) {
    const value = settings.get(setting);
    if (value !== undefined) throw refusal(header, value, NO_PLACE);
  }
  for (const [setting, header] of NEVER_TRUE) {
    const value = settings.get(setting);
    if (decodeBoolean(header, value)) throw refusal(header, value ?? "", NO_PLACE);
  }
}
