import type { Endpoint } from "./topic.ts";

/** Endpoints that are to go: those that have all that is said of them. */
export interface EndpointPattern {
  readonly url?: string;
  readonly name?: string;
}

/** The endpoints of a topic after an addition, or the URL that two of them would have. */
export type Addition =
  | { readonly kind: "endpoints"; readonly endpoints: readonly Endpoint[] }
  | { readonly kind: "doubled-url"; readonly url: string; readonly names: readonly string[] };

/**
 * The endpoints of a topic after others were added. An endpoint takes the place of the one of its
 * name, else of the one of its URL, which then keeps its name unless it is given another; any other
 * endpoint is appended. A message reaches a URL once: one without a name gives way to the one that
 * has its URL now, and two names for one URL are refused. Contract 03 §4.
 */
export function addEndpoints(existing: readonly Endpoint[], added: readonly Endpoint[]): Addition {
  const endpoints = [...existing];
  for (const endpoint of added) {
    const at = placeOf(endpoint, endpoints);
    if (at === -1) endpoints.push(endpoint);
    else endpoints[at] = { ...endpoints[at], ...endpoint };
  }
  for (const { url } of added) {
    const names = endpoints.flatMap((each) => (each.url === url ? (each.name ?? []) : []));
    if (names.length > 1) return { kind: "doubled-url", url, names };
  }
  const named = new Set(endpoints.flatMap(({ url, name }) => (name === undefined ? [] : [url])));
  const kept = endpoints.filter(({ url, name }) => name !== undefined || !named.has(url));
  return { kind: "endpoints", endpoints: kept };
}

/** The endpoints of a topic that none of the patterns means. Contract 03 §4. */
export function removeEndpoints(
  existing: readonly Endpoint[],
  removed: readonly EndpointPattern[],
): readonly Endpoint[] {
  return existing.filter((endpoint) => !removed.some((pattern) => means(pattern, endpoint)));
}

function placeOf({ name, url }: Endpoint, endpoints: readonly Endpoint[]): number {
  const byName = name === undefined ? -1 : endpoints.findIndex((each) => each.name === name);
  return byName === -1 ? endpoints.findIndex((each) => each.url === url) : byName;
}

/** A pattern that says nothing means nothing. */
function means({ name, url }: EndpointPattern, endpoint: Endpoint): boolean {
  if (name === undefined && url === undefined) return false;
  return (
    (name === undefined || name === endpoint.name) && (url === undefined || url === endpoint.url)
  );
}
