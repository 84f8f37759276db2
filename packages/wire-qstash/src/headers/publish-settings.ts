import type { PublishCommand } from "@omnistore/domain/publish/publish-command";
import { definedOnly } from "../defined-only.ts";
import type { CallbackContext } from "./callback.ts";
import { decodeOptions } from "./callback.ts";
import type { Configuration } from "./configuration.ts";
import { decodeDeduplication } from "./deduplication.ts";
import { decodeDue } from "./due.ts";
import type { ForwardContext } from "./forward.ts";
import { decodeHeaders } from "./forward.ts";
import { decodeMethod } from "./method.ts";
import { decodeRetries } from "./retries.ts";

/** What is known of the request besides its configuration. */
export interface PublishContext extends ForwardContext, CallbackContext {
  readonly callerIp: string | undefined;
  /** For a message that says nothing of it. */
  readonly defaultRetries: number;
  /** FIFO queue that the message goes through. */
  readonly queueName?: string | undefined;
}

export type PublishSettings = Pick<
  PublishCommand,
  "method" | "headers" | "due" | "maxRetries" | "deduplication" | "options"
>;

/** Everything that headers and query parameters say about one message. Contract 01 §3. */
export function decodePublishSettings(
  configuration: Configuration,
  context: PublishContext,
): PublishSettings {
  const { settings } = configuration;
  const deduplication = decodeDeduplication(
    settings.get("deduplication-id"),
    settings.get("content-based-deduplication"),
  );
  return {
    method: decodeMethod(settings.get("method")),
    headers: decodeHeaders(configuration, context),
    due: decodeDue(settings.get("not-before"), settings.get("delay"), context),
    maxRetries: decodeRetries(settings.get("retries"), context.plan) ?? context.defaultRetries,
    ...(deduplication === undefined ? {} : { deduplication }),
    options: definedOnly({
      ...decodeOptions(configuration, context),
      callerIp: context.callerIp,
      queueName: context.queueName,
    }),
  };
}
