import { quote } from "@omnistore/domain/quote";
import type { HttpBindings } from "@hono/node-server";
import { createMiddleware } from "hono/factory";

import { ApiError } from "./errors.ts";

/** Everything that the operator's API is made of begins so. */
export const ADMIN_PREFIX = "/admin/v1";

/** What an absolute request target has before its path. */
const AUTHORITY = /^https?:\/\/[^/?#]*/i;

/**
 * Serves the operator's API under its own name only. Routing reads a target as a browser would, so
 * `/v2/../admin/v1` and `/%61dmin/v1` would come here past a proxy that closes `/admin`.
 */
export const plainlyNamed = createMiddleware<{ Bindings: HttpBindings }>(
  async ({ env, req }, next) => {
    const { url = "" } = env.incoming;
    if (!url.replace(AUTHORITY, "").startsWith(`${ADMIN_PREFIX}/`)) {
      throw new ApiError(404, `there is no route ${req.method} ${quote(url)}`);
    }
    await next();
  },
);
