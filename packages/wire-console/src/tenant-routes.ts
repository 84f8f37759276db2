import { createHash } from "node:crypto";

import type { TenantSelfService } from "@omnistore/domain/tenant/administration";
import {
  accessProblem,
  SIGNING_KEYS_STAY,
  type Caller,
  type SigningKeys,
} from "@omnistore/domain/tenant/tenant";
import { spentText } from "@omnistore/domain/tenant/limit-text";
import { quote } from "@omnistore/domain/quote";
import { Hono, type Context } from "hono";
import { createMiddleware } from "hono/factory";

import { auditChanges, auditReply } from "./audit.ts";
import { readBody, smallBody } from "./body.ts";
import { ApiError, errorReply } from "./errors.ts";
import { Nothing } from "./fields.ts";
import { tokenHandlers } from "./tokens.ts";
import { usageReply } from "./usage.ts";

export interface TenantRouteOptions {
  /** Told of every failure that is not the caller's. */
  readonly onError: (error: unknown) => void;
}

interface TenantEnv {
  Variables: { caller: Caller };
}

const BEARER = /^Bearer +(\S+) *$/i;

/** The tenant's own API, `/v1`: what it may know and change about itself. */
export function tenantRoutes(
  operations: TenantSelfService,
  { onError }: TenantRouteOptions,
): Hono<TenantEnv> {
  const callerOf = (context: Context<TenantEnv>) => context.get("caller");
  const tokens = tokenHandlers(operations, (context) => callerOf(context).tenantId);

  return new Hono<TenantEnv>()
    .basePath("/v1")
    .onError((error, context) => errorReply(error, context, onError))
    .use("/*", tenantOnly(operations), smallBody, auditChanges(operations, actorOf))
    .get("/tokens", (context) => tokens.list(context))
    .post("/tokens", (context) => tokens.create(context))
    .delete("/tokens/:tokenId", (context) => tokens.revoke(context))
    .post("/tokens/:tokenId/rotate", (context) => tokens.rotate(context))
    .get("/keys", async (context) => {
      const { tenantId, role } = callerOf(context);
      const keys = await operations.getSigningKeys(tenantId);
      return context.json(role === "full" ? keysView(keys) : redacted(keys));
    })
    .post("/keys/rotate", async (context) => {
      await readBody(context, Nothing);
      const keys = await operations.rotateSigningKeys(callerOf(context).tenantId);
      if (keys === null) throw new ApiError(403, SIGNING_KEYS_STAY);
      return context.json(keysView(keys));
    })
    .get("/usage", (context) => usageReply(operations, context, callerOf(context).tenantId))
    .get("/audit", (context) => auditReply(operations, context, callerOf(context).tenantId))
    .get("/limits", (context) => {
      const { plan } = callerOf(context);
      return context.json({ plan: plan.name, limits: plan.limits });
    })
    .all("/*", ({ req }) => {
      throw new ApiError(404, `there is no route ${req.method} ${quote(req.path)}`);
    });
}

function actorOf(context: Context<TenantEnv>) {
  const { tenantId, token } = context.get("caller");
  return { tenantId, actor: { kind: "token", ...token } } as const;
}

/** Lets in who has a token of a tenant that is served: to look with GET, to change things otherwise. */
function tenantOnly(operations: Pick<TenantSelfService, "authenticate" | "admit">) {
  return createMiddleware<TenantEnv>(async (context, next) => {
    const token = BEARER.exec(context.req.header("authorization") ?? "")?.[1];
    if (token === undefined) {
      throw new ApiError(401, 'no token: send "Authorization: Bearer <token>"');
    }
    const caller = await operations.authenticate(token);
    if (caller === null) throw new ApiError(401, "the token is unknown or no longer valid");
    const problem = accessProblem(caller, context.req.method === "GET" ? "read" : "write");
    if (problem !== null) throw new ApiError(403, problem);
    const spent = await operations.admit(caller);
    if (spent !== null) {
      throw new ApiError(429, spentText(caller.plan, "second"), {
        "Burst-RateLimit-Limit": String(spent.limit),
        "Burst-RateLimit-Remaining": "0",
        "Burst-RateLimit-Reset": String(Math.ceil(spent.resetAtMs / 1_000)),
      });
    }
    context.set("caller", caller);
    await next();
  });
}

function keysView({ current, next }: SigningKeys): SigningKeys {
  return { current, next };
}

/** Enough to see whether keys are the same, not enough to sign with them. Contract 01 §7 has the form. */
function redacted({ current, next }: SigningKeys): SigningKeys {
  return { current: hashOf(current), next: hashOf(next) };
}

function hashOf(secret: string): string {
  return `REDACTED:${createHash("sha256").update(secret).digest("hex")}`;
}
