import { createApp } from "@omnistore/api/app";

/** A route that the api serves, in Hono's spelling: `/v2/queues/:name`, or `*` at the end for the rest. */
export interface Route {
  readonly method: string;
  readonly path: string;
}

/** What else the app serves is OmniStore's own. */
const PROTOCOL = /^\/(v2|llm)\//;

/** Building the app only hands these on: nothing is called before a request comes. */
type AppParts = Parameters<typeof createApp>[0];
const noParts = { config: { mode: "dev" }, core: {}, operations: {}, administration: {} };

/**
 * The protocol's routes in the real app, in its order. Left out are second spellings with a slash at
 * the end, and what only refuses: an empty name between two slashes, other methods of a path that is
 * served, and what no route takes.
 */
export function protocolRoutes(): readonly Route[] {
  const { routes } = createApp(noParts as unknown as AppParts);
  const served = routes.filter(
    ({ path }) => PROTOCOL.test(path) && !path.endsWith("/") && !path.includes("//"),
  );
  const refuses = ({ method, path }: Route) =>
    method === "ALL" &&
    served.some((other) =>
      path.endsWith("*")
        ? other.path !== path && other.path.startsWith(path.slice(0, -1))
        : other.path === path && other.method !== "ALL",
    );
  return served
    .filter((route) => !refuses(route))
    .map(({ method, path }) => ({ method: method === "ALL" ? "*" : method, path }));
}

/** As readers know it: `GET /v2/queues/{name}`. */
export function nameOfRoute({ method, path }: Route): string {
  const readable = path.replaceAll(/:(\w+)/g, "{$1}");
  return `${method === "*" ? "any method" : method} ${readable}`;
}

/** Finds `GET /v2/queues/q`, also with a quote and a comma between, or with `${name}` for the name. */
export function mentionOfRoute({ method, path }: Route): RegExp {
  const verb = method === "*" ? "[A-Z]+" : method;
  const pattern = path
    .split("/")
    .map((segment) => {
      if (segment.startsWith(":")) return String.raw`(?:[\w.%-]*\$\{.*?\}|\{\w+\}|[\w.%-]+)`;
      return segment === "*" ? ".+" : segment;
    })
    .join("/");
  return new RegExp(String.raw`\b${verb}\b["'\x60]?,?\s*["'\x60]?${pattern}(?![\w{$:%-]|/\S)`);
}
