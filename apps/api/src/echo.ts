import { Hono } from "hono";

const KEPT = 20;
const BODY_BYTES = 10_000;

interface Echoed {
  readonly receivedAt: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * A receiver to try OmniStore with, in development mode: whatever is delivered to `/echo` is shown by
 * `GET /echo`, newest first. Kept in memory, the last few only.
 */
export function echoRoutes(): Hono {
  const received: Echoed[] = [];
  return new Hono()
    .get("/echo", (c) => c.json(received))
    .all("/echo", async (c) => {
      const body = Buffer.from(await c.req.arrayBuffer());
      received.unshift({
        receivedAt: new Date().toISOString(),
        method: c.req.method,
        path: c.req.path,
        headers: c.req.header(),
        body: body.subarray(0, BODY_BYTES).toString("utf8"),
      });
      received.length = Math.min(received.length, KEPT);
      return c.json({ echoed: true });
    });
}
