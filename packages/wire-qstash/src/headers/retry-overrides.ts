import type { RetryOverrides } from "@omnistore/domain/dead-letter/retry-overrides";
import { definedOnly } from "../defined-only.ts";
import type { Configuration } from "./configuration.ts";
import type { PublishContext } from "./publish-settings.ts";
import { decodePublishSettings } from "./publish-settings.ts";

/**
 * What the headers of a retry change of the dead message: only what they say, so no default counts,
 * and neither do the content type and the address of whoever asks for the retry. Contract 03 §5.
 */
export function decodeRetryOverrides(
  configuration: Configuration,
  context: Omit<PublishContext, "callerIp">,
): RetryOverrides {
  const { settings } = configuration;
  const told = { ...configuration, foreign: [] };
  const { method, headers, due, maxRetries, options } = decodePublishSettings(told, {
    ...context,
    callerIp: undefined,
  });
  return definedOnly({
    method: settings.has("method") ? method : undefined,
    headers,
    due,
    maxRetries: settings.has("retries") ? maxRetries : undefined,
    options,
  });
}
