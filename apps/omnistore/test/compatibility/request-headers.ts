/**
 * What a request may say about its message, by the protocol's reference; `*` stands for any ending.
 * The headers of workflows are not among them yet.
 */
export const REQUEST_HEADERS = [
  "Content-Type",
  "Upstash-Method",
  "Upstash-Delay",
  "Upstash-Not-Before",
  "Upstash-Retries",
  "Upstash-Retry-Delay",
  "Upstash-Timeout",
  "Upstash-Deduplication-Id",
  "Upstash-Content-Based-Deduplication",
  "Upstash-Callback",
  "Upstash-Callback-*",
  "Upstash-Callback-Forward-*",
  "Upstash-Failure-Callback",
  "Upstash-Failure-Callback-*",
  "Upstash-Failure-Callback-Forward-*",
  "Upstash-Forward-*",
  "Upstash-Header-Forward",
  "Upstash-Flow-Control-Key",
  "Upstash-Flow-Control-Value",
  "Upstash-Label",
  "Upstash-Redact-Fields",
  "Upstash-Cron",
  "Upstash-Schedule-Id",
  "Upstash-Queue-Name",
  "Upstash-Telemetry-*",
] as const;

/** Finds a header in any case, and not one whose name only begins like it. */
export function mentionOfHeader(header: string): RegExp {
  const ending = header.endsWith("*") ? String.raw`[\w*]` : String.raw`(?![\w-])`;
  return new RegExp(String.raw`(?<![\w-])${header.replace("*", "")}${ending}`, "i");
}
