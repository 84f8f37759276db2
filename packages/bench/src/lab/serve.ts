import { serve as listen } from "@hono/node-server";
import type { Hono } from "hono";

/** Serves an app on a free port of the loopback interface, as its documentation says; resolves with the port. */
export function serve(app: Hono): Promise<number> {
  return new Promise((resolve) => {
    listen({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }, ({ port }) => resolve(port));
  });
}
