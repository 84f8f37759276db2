import type { Parameter } from "./query.ts";
import { parseQuery } from "./query.ts";
import { splitTarget } from "./target.ts";

/** What stands behind the verb of a publish-type route. */
export interface DestinationTarget {
  /** As received, without the parameters that are ours. */
  readonly destination: string;
  /** The parameters that are ours: the token and configuration. */
  readonly reserved: readonly Parameter[];
}

const HTTP = /^https?:\/\//i;
const RESERVED_ANYWHERE = /qstash_token|upstash-|%/i;

/** The query parameter that may hold the token. Contract 00 §2. */
export const TOKEN_PARAMETER = "qstash_token";

/**
 * Takes the destination out of a raw request target: all that follows `verbPath`, which ends with a
 * slash, textually unchanged, and every query parameter but ours in the order received. A
 * destination without a scheme that has one after decoding was escaped by a careful client: it is
 * decoded once. Contract 00 §1, §8.
 */
export function takeDestination(rawTarget: string, verbPath: string): DestinationTarget {
  const { path, query } = splitTarget(rawTarget);
  const start = path.indexOf(verbPath);
  const location = start === -1 ? "" : unescapeOnce(path.slice(start + verbPath.length));
  if (query === undefined) return { destination: location, reserved: [] };
  if (!RESERVED_ANYWHERE.test(query)) {
    return { destination: join(location, query), reserved: [] };
  }
  const parameters = parseQuery(query);
  const reserved = parameters.filter(isReserved);
  const kept = parameters.filter((parameter) => !isReserved(parameter));
  const destination =
    kept.length === 0 ? location : join(location, kept.map(({ raw }) => raw).join("&"));
  return { destination, reserved };
}

function isReserved({ name }: Parameter): boolean {
  const lower = name.toLowerCase();
  return lower === TOKEN_PARAMETER || lower.startsWith("upstash-");
}

function unescapeOnce(location: string): string {
  if (HTTP.test(location) || !location.includes("%")) return location;
  try {
    const decoded = decodeURIComponent(location);
    return HTTP.test(decoded) ? decoded : location;
  } catch {
    return location;
  }
}

/** An escaped destination may have brought a query of its own. */
function join(location: string, query: string): string {
  return `${location}${location.includes("?") ? "&" : "?"}${query}`;
}
