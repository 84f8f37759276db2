import type { IncomingMessage } from "node:http";

import { quote } from "@omnistore/domain/quote";

/** Why a request is not handed to any route. */
export interface Refusal {
  readonly status: 400 | 413 | 431;
  readonly error: string;
}

/** Most header lines of a request: far above what any sender or proxy adds up to. */
const MAX_HEADERS = 1_000;

/** Headers that name one thing: with two of them, one reader would believe the other one. */
const SINGLE: ReadonlySet<string> = new Set(["host", "authorization", "content-type"]);

const ABSOLUTE = /^https?:\/\/([^/?#]*)[/?#]?/i;
/** A name, an IPv4 address or an IPv6 one in brackets, and a port. */
const AUTHORITY = /^(?:[\w.~!$&'()*+,;=%-]+|\[[0-9a-f:.]+\])(?::\d{0,5})?$/i;

/**
 * Looks for what the parser of HTTP lets pass although readers could take it for different things:
 * whom a request is for, who sent it, where it ends. Null when there is nothing of the kind.
 */
export function refuseRequest({
  rawHeaders,
  url = "",
  httpVersion,
}: IncomingMessage): Refusal | null {
  const count = rawHeaders.length / 2;
  if (count > MAX_HEADERS) {
    return { status: 431, error: `the request has ${count} headers, the limit is ${MAX_HEADERS}` };
  }
  const single = new Map<string, string>();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? "";
    const value = rawHeaders[index + 1] ?? "";
    const lower = name.toLowerCase();
    if (lower === "transfer-encoding" && value.trim().toLowerCase() !== "chunked") {
      return bad(`${name} ${quote(value)} is not served, only chunked`);
    }
    if (!SINGLE.has(lower)) continue;
    const before = single.get(lower);
    if (before !== undefined) return givenTwice(name, before, value);
    single.set(lower, value);
  }
  const host = single.get("host");
  return refuseHost(host, httpVersion) ?? refuseTarget(url, host);
}

function refuseHost(host: string | undefined, httpVersion: string): Refusal | null {
  if (host === undefined) return httpVersion === "1.0" ? null : bad("the Host header is missing");
  return AUTHORITY.test(host) ? null : bad(`the Host header ${quote(host)} is no host`);
}

/** A path, or a URL of ours as a client writes it that takes us for its proxy. */
function refuseTarget(target: string, host: string | undefined): Refusal | null {
  if (target.startsWith("/")) return null;
  const [, authority] = ABSOLUTE.exec(target) ?? [];
  if (authority === undefined || !AUTHORITY.test(authority)) {
    return bad(`the request target ${quote(target)} is neither a path nor a URL with a host only`);
  }
  if (host === undefined || authority.toLowerCase() === host.toLowerCase()) return null;
  return bad(
    `the Host header ${quote(host)} is not the host of the request target ${quote(target)}`,
  );
}

function givenTwice(name: string, first: string, second: string): Refusal {
  if (name.toLowerCase() === "authorization") return bad(`${name} was given twice`);
  return bad(`${name} was given twice: ${quote(first)} and ${quote(second)}`);
}

function bad(error: string): Refusal {
  return { status: 400, error };
}
