import { destinationProblem } from "@omnistore/domain/deliver/destination";
import type { DestinationPolicy } from "@omnistore/domain/deliver/destination-policy";
import { LRUCache } from "lru-cache";

/** Where a request goes, as the client wants it told. */
export interface DeliveryTarget {
  readonly origin: string;
  /** Path and query. */
  readonly path: string;
}

/** Throws `RefusedDestinationError` for a URL that no delivery may go to. */
export type FindTarget = (url: string) => DeliveryTarget;

/** The destination is one that no delivery may go to. */
class RefusedDestinationError extends Error {
  override readonly name = "RefusedDestinationError";
  readonly code = "REFUSED_ADDRESS";
}

/** Receivers that are remembered; a URL has 8 KiB at most. */
const MOST_REMEMBERED = 1_000;

/**
 * Judges URLs at every attempt, because what is open may be other than where the message was stored.
 * Within a process it never changes, so that the judgement of a URL is remembered.
 */
export function createFindTarget(policy: DestinationPolicy): FindTarget {
  const known = new LRUCache<string, DeliveryTarget>({ max: MOST_REMEMBERED });
  return (url) => {
    const remembered = known.get(url);
    if (remembered !== undefined) return remembered;
    const target = judge(url, policy);
    known.set(url, target);
    return target;
  };
}

function judge(url: string, policy: DestinationPolicy): DeliveryTarget {
  const problem = destinationProblem(url, policy);
  if (problem !== null) throw new RefusedDestinationError(problem);
  return { origin: new URL(url).origin, path: requestTarget(url) };
}

/**
 * Path and query exactly as the destination spells them, but for what cannot stand in a request
 * line; a fragment is never sent.
 */
function requestTarget(destination: string): string {
  const withoutFragment = destination.split("#", 1)[0] ?? destination;
  const target = withoutFragment.replace(/^[^:]+:\/\/[^/?]*/, "");
  const ascii = target.replace(/[^\u0021-\u007e]+/g, encodeURIComponent);
  return ascii.startsWith("/") ? ascii : `/${ascii}`;
}
