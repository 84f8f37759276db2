import { canonicalHeaderName } from "@omnistore/domain/message/header-names";

/** Headers of one connection, in canonical case: to forward them would break the next one. */
const OF_ONE_CONNECTION: ReadonlySet<string> = new Set([
  "Accept-Encoding",
  "Connection",
  "Content-Length",
  "Expect",
  "Host",
  "Http2-Settings",
  "Keep-Alive",
  "Te",
  "Trailer",
  "Transfer-Encoding",
  "Upgrade",
]);

/** Whole families that are nobody's business behind us. */
const FAMILIES = ["Proxy-", "Upstash-Telemetry-"];

/** Whether a header, named in canonical case, may go from publisher to receiver. Contract 02 §1. */
export function isForwardable(canonicalName: string): boolean {
  const name = asReceiversRead(canonicalName);
  return !OF_ONE_CONNECTION.has(name) && !FAMILIES.some((family) => name.startsWith(family));
}

/**
 * A header's name, given in canonical case, as receivers behind CGI, WSGI and their like see it: an
 * underscore is the same to them as a hyphen, so a name with one may pass for another.
 */
export function asReceiversRead(canonicalName: string): string {
  if (!canonicalName.includes("_")) return canonicalName;
  return canonicalHeaderName(canonicalName.replaceAll("_", "-"));
}
