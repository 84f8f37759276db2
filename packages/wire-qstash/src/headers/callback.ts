import { destinationProblem } from "@omnistore/domain/deliver/destination";
import type { DestinationPolicy } from "@omnistore/domain/deliver/destination-policy";
import type { Callback } from "@omnistore/domain/message/message";
import { definedOnly } from "../defined-only.ts";
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
  /** Where messages may go. */
  readonly destinations: DestinationPolicy;
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
    timeoutMs: decodeTimeout(settings.get("timeout")),
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

/** `header` holds the URL; what came behind `header-` is read as if it were a message's own. */
function decodeCallback(
  header: string,
  url: string | undefined,
  configuration: Configuration = NOTHING,
  context: CallbackContext,
): Callback | undefined {
  if (url === undefined) return undefined;
  const problem = destinationProblem(url, context.destinations);
  if (problem !== null) throw refusal(header, url, `cannot be called: ${problem}`);
  const { settings } = configuration;
  return behindPrefix(`${header}-`, () => {
    const due = decodeDue(undefined, settings.get("delay"), 0);
    return definedOnly({
      url,
      method: decodeMethod(settings.get("method")),
      headers: decodeHeaders(configuration, { authorizationIsOurs: true }),
      maxRetries: settings.has("retries") ? decodeRetries(settings.get("retries")) : undefined,
      delayMs: due.kind === "after" ? due.delayMs : undefined,
      options: decodeOptions(configuration, context),
    });
  });
}
