import { MAX_DESTINATION_BYTES } from "../message/limits.ts";
import { isBlockedPort } from "./blocked-ports.ts";
import { bareHost, judgeAddress, type DestinationPolicy } from "./destination-policy.ts";
import { destinationAddress, type AddressClass } from "./public-address.ts";

export type Destination =
  | { readonly kind: "url"; readonly url: URL }
  /** `reason` is a whole sentence for the publisher. */
  | { readonly kind: "invalid"; readonly reason: string };

const encoder = new TextEncoder();

function byteLength(text: string): number {
  return encoder.encode(text).byteLength;
}

/**
 * Reads the destination of a message: an absolute http(s) URL. What the parser of URLs would
 * silently repair is refused, because the text itself is stored, signed and delivered.
 * Contract 01 §2, 00 §3.
 */
export function parseDestination(raw: string): Destination {
  if (raw === "") {
    return invalid("endpoint has invalid scheme, add http:// or https:// (it is empty)");
  }
  if (!/^https?:\/\//i.test(raw)) {
    return invalid("endpoint has invalid scheme, add http:// or https://");
  }
  // A character takes three bytes at most: most texts need not be measured.
  if (3 * raw.length > MAX_DESTINATION_BYTES && byteLength(raw) > MAX_DESTINATION_BYTES) {
    return invalid(`endpoint is longer than ${MAX_DESTINATION_BYTES} bytes: ${shown(raw)}`);
  }
  if (/[\s\p{Cc}\p{Cs}]/u.test(raw)) {
    const what = "a blank, a control character or half a surrogate pair";
    return invalid(`endpoint contains ${what}: ${shown(raw)}`);
  }
  const [beforeQuery = ""] = raw.split(/[?#]/, 1);
  if (beforeQuery.includes("\\")) return invalid(`endpoint contains a backslash: ${shown(raw)}`);
  const authority = /^\w+:\/\/([^/]*)/.exec(beforeQuery)?.[1] ?? "";
  if (authority.includes("@")) {
    return invalid("endpoint contains a user name or password, send them in a header");
  }
  const url = authority === "" ? null : URL.parse(raw);
  if (url === null || (!url.hostname.startsWith("[") && !isHostName(url.hostname))) {
    return invalid(`endpoint is not a URL with a valid host and port: ${shown(raw)}`);
  }
  if (url.port === "0") return invalid(`endpoint has a blocked port: 0: ${shown(raw)}`);
  return { kind: "url", url };
}

/** Names that only ever mean this machine (RFC 6761). */
const LOCALHOST = /(?:^|\.)localhost(?:\.localdomain)?$/;

/** Names that mean something in private networks only (RFC 6762, RFC 8375, and ICANN's `internal`). */
const PRIVATE_NAME = /(?:^|\.)(?:local|localdomain|internal|home\.arpa)$/;

/** The address that the host of a URL stands for without asking DNS, else null: a name to be resolved. */
export function knownAddress(hostname: string): string | null {
  const host = bareHost(hostname);
  return LOCALHOST.test(host) ? "127.0.0.1" : destinationAddress(host);
}

/**
 * Why a delivery may not go to a URL, or null. It sees addresses and names that are known without
 * asking DNS; what a name resolves to is checked at the connection.
 */
function refuseUrl(url: URL, policy: DestinationPolicy): string | null {
  if (!policy.isPublicOnly) return null;
  const host = bareHost(url.hostname);
  const address = knownAddress(host);
  if (address !== null) {
    const judged = judgeAddress(address, policy);
    if (judged.kind !== "public") return closedAddressReason(judged, address);
  } else if (PRIVATE_NAME.test(host) && policy.openNetworks.length === 0) {
    return invalid(`endpoint has a name of private networks: ${host}`).reason;
  }
  if (policy.ownHosts.has(host)) return invalid(`endpoint is this API itself: ${host}`).reason;
  const port = Number(url.port || DEFAULT_PORTS[url.protocol]);
  if (isBlockedPort(port)) return invalid(`endpoint has a blocked port: ${port}`).reason;
  return null;
}

/** What a publisher is told of an address that deliveries may not reach. Contract 00 §3. */
export function closedAddressReason({ kind }: AddressClass, address: string): string {
  return invalid(`endpoint resolves to a ${kind} address: ${address}`).reason;
}

/** What a publisher is told of a name that has no address. Contract 00 §3. */
export function unresolvableReason(host: string): string {
  return invalid(`unable to resolve host: ${host}`).reason;
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { "http:": 80, "https:": 443 };

/** Why no message may go to `raw`, as a whole sentence for the publisher, or null. */
export function destinationProblem(raw: string, policy: DestinationPolicy): string | null {
  const parsed = parseDestination(raw);
  return parsed.kind === "invalid" ? parsed.reason : refuseUrl(parsed.url, policy);
}

/** Whether a resolver could be asked for a name: parts of 1 to 63 characters, 253 in all. */
function isHostName(host: string): boolean {
  const name = host.replace(/\.$/, "");
  return name.length <= 253 && name.split(".").every(({ length }) => length >= 1 && length <= 63);
}

/** What is left of a URL that a sentence quotes: its beginning, without what a terminal obeys. */
function shown(raw: string): string {
  const cut = raw.length > LONGEST_SHOWN ? `${raw.slice(0, LONGEST_SHOWN)}…` : raw;
  return cut.replace(/[\s\p{Cc}\p{Cs}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\u${code.toString(16).padStart(4, "0")}`;
  });
}

const LONGEST_SHOWN = 200;

function invalid(what: string): Extract<Destination, { kind: "invalid" }> {
  return { kind: "invalid", reason: `invalid destination url: ${what}` };
}
