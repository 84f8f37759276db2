import { MAX_DESTINATION_BYTES } from "../message/limits.ts";
import { classifyAddress, destinationAddress } from "./public-address.ts";

export type Destination =
  | { readonly kind: "url"; readonly url: URL }
  /** `reason` is a whole sentence for the publisher. */
  | { readonly kind: "invalid"; readonly reason: string };

const encoder = new TextEncoder();

/**
 * Reads the destination of a message: an absolute http(s) URL. What the parser of URLs would
 * silently repair is refused, because the text itself is stored, signed and delivered.
 * Contract 01 §2, 00 §3.
 */
export function parseDestination(raw: string): Destination {
  if (!/^https?:\/\//i.test(raw)) {
    return invalid("endpoint has invalid scheme, add http:// or https://");
  }
  if (encoder.encode(raw).byteLength > MAX_DESTINATION_BYTES) {
    return invalid(`endpoint is longer than ${MAX_DESTINATION_BYTES} bytes`);
  }
  if (/[\s\p{Cc}\p{Cs}]/u.test(raw)) {
    return invalid("endpoint contains a blank, a control character or half a surrogate pair");
  }
  const [beforeQuery = ""] = raw.split(/[?#]/, 1);
  if (beforeQuery.includes("\\")) return invalid(`endpoint contains a backslash: ${raw}`);
  const url = /^\w+:\/\/[^/?#]/.test(raw) ? URL.parse(raw) : null;
  if (url === null || url.hostname === "") {
    return invalid(`endpoint is not a URL with a valid host and port: ${raw}`);
  }
  if (url.username !== "" || url.password !== "") {
    return invalid("endpoint contains a user name or password, send them in a header");
  }
  return { kind: "url", url };
}

/**
 * Why a destination may not be used where only public ones are, or null. It sees addresses and
 * names that are known without asking DNS; what a name resolves to is checked at the connection.
 */
export function refuseNonPublic(url: URL): string | null {
  const name = url.hostname.replace(/\.$/, "");
  const isLocalName = name === "localhost" || name.endsWith(".localhost");
  const address = isLocalName ? "127.0.0.1" : destinationAddress(url.hostname);
  if (address === null) return null;
  const { kind } = classifyAddress(address);
  if (kind === "public") return null;
  return invalid(`endpoint resolves to a ${kind} address: ${address}`).reason;
}

/** Why no message may go to `raw`, as a whole sentence for the publisher, or null. */
export function destinationProblem(
  raw: string,
  { allowPrivate }: { readonly allowPrivate: boolean },
): string | null {
  const parsed = parseDestination(raw);
  if (parsed.kind === "invalid") return parsed.reason;
  return allowPrivate ? null : refuseNonPublic(parsed.url);
}

function invalid(what: string): Extract<Destination, { kind: "invalid" }> {
  return { kind: "invalid", reason: `invalid destination url: ${what}` };
}
