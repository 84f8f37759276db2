import type { HeaderMap } from "../message/message.ts";

/** Why an attempt got no answer; stable, so that logs and tests can match on it. */
export const FAILURE_CODES = [
  "timeout",
  "refused-address",
  "dns",
  "connect",
  "tls",
  "reset",
  "protocol",
] as const;
export type FailureCode = (typeof FAILURE_CODES)[number];

/** What one HTTP attempt came to. */
export type AttemptResult =
  | {
      readonly kind: "response";
      readonly status: number;
      readonly headers: HeaderMap;
      /** The first bytes of the response body, at most the capture limit. */
      readonly body: Buffer;
    }
  | { readonly kind: "failure"; readonly code: FailureCode; readonly error: string };

/** Whether the receiver took the message: any 2xx. Contract 02 §2. */
export function isDelivered(result: AttemptResult): boolean {
  return result.kind === "response" && result.status >= 200 && result.status <= 299;
}
