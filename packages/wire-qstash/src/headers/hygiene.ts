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

/** Whether a header, named in canonical case, may go from publisher to receiver. Contract 02 §1. */
export function isForwardable(canonicalName: string): boolean {
  return !OF_ONE_CONNECTION.has(canonicalName) && !canonicalName.startsWith("Proxy-");
}
