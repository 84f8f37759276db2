import type { DestinationPolicy } from "@omnistore/domain/deliver/destination-policy";
import type { Operations } from "@omnistore/domain/operations";
import type { TenantAdministration } from "@omnistore/domain/tenant/administration";
import type { EngineCore } from "@omnistore/engine/core";
import type { Config } from "@omnistore/runtime/config";
import type { Logger } from "@omnistore/runtime/logger";
import { adminRoutes, tenantRoutes } from "@omnistore/wire-console";
import { qstashRoutes } from "@omnistore/wire-qstash";
import type { HttpBindings } from "@hono/node-server";
import { Hono } from "hono";

import { echoRoutes } from "./echo.ts";
import { healthRoutes } from "./health.ts";

export interface AppParts {
  readonly config: Config;
  readonly core: EngineCore;
  /** Where messages may go. */
  readonly destinations: DestinationPolicy;
  readonly operations: Operations;
  readonly administration: TenantAdministration;
  readonly logger: Logger;
}

/** Every route of the api. */
export function createApp({
  config,
  core,
  destinations,
  operations,
  administration,
  logger,
}: AppParts): Hono<{ Bindings: HttpBindings }> {
  const onError = (error: unknown) => logger.error({ err: error }, "a request failed");
  const app = new Hono<{ Bindings: HttpBindings }>();
  app.route("/", healthRoutes(core.pool));
  app.route("/", qstashRoutes(operations, { destinations, onError }));
  app.route("/", adminRoutes(administration, { adminToken: config.adminToken, onError }));
  app.route("/", tenantRoutes({ ...operations, ...administration }, { onError }));
  if (config.mode === "dev") app.route("/", echoRoutes());
  app.notFound((c) => c.json({ error: `no route ${c.req.method} ${c.req.path}` }, 404));
  app.onError((error, c) => {
    onError(error);
    return c.json({ error: "internal error" }, 500);
  });
  return app;
}
