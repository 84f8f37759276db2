import type { HttpBindings } from "@hono/node-server";
import { isUuid } from "@omnistore/domain/message/message-id";
import { OPERATOR_LOG } from "@omnistore/domain/tenant/audit";
import type { Tenant, TenantAdministration } from "@omnistore/domain/tenant/administration";
import { quote } from "@omnistore/domain/quote";
import { Hono, type Context } from "hono";

import { auditChanges, auditReply, tell } from "./audit.ts";
import { readBody, readQuery, smallBody } from "./body.ts";
import { ApiError, errorReply } from "./errors.ts";
import { NewTenant, PageQuery, PlanChange } from "./fields.ts";
import { operatorOnly } from "./operator.ts";
import { ADMIN_PREFIX, plainlyNamed } from "./plainly-named.ts";
import { tenantClosed, tenantNotFound, tokenHandlers } from "./tokens.ts";
import { usageReply } from "./usage.ts";

export interface AdminRouteOptions {
  /** Bearer token of the operator; absent: the API is closed. */
  readonly adminToken: string | undefined;
  /** Told of every failure that is not the caller's. */
  readonly onError: (error: unknown) => void;
}

/** The operator's API, `/admin/v1`: tenants, their tokens and their plans. */
export function adminRoutes(
  administration: TenantAdministration,
  { adminToken, onError }: AdminRouteOptions,
): Hono<{ Bindings: HttpBindings }> {
  const tokens = tokenHandlers(administration, idOf);
  const existing = async (context: Context): Promise<Tenant> => {
    const tenant = await administration.getTenant(idOf(context));
    if (tenant === null) throw tenantNotFound(idOf(context));
    return tenant;
  };
  const suspend = (isSuspended: boolean) => async (context: Context) => {
    const found = await administration.setSuspended(idOf(context), isSuspended);
    if (!found) throw tenantClosed(idOf(context));
    return context.json(tenantView(await existing(context)));
  };

  return new Hono<{ Bindings: HttpBindings }>()
    .basePath(ADMIN_PREFIX)
    .onError((error, context) => errorReply(error, context, onError))
    .use(
      "/*",
      plainlyNamed,
      operatorOnly(adminToken),
      smallBody,
      auditChanges(administration, actorOf),
    )
    .post("/tenants", async (context) => {
      const { name, plan } = await readBody(context, NewTenant);
      const made = await administration.createTenant(name, plan);
      tell(context, `tenant ${made.id}`);
      return context.json(made, 201);
    })
    .get("/tenants", async (context) => {
      const { count, cursor } = readQuery(context, PageQuery);
      const outcome = await administration.listTenants({
        count,
        ...(cursor === undefined ? {} : { cursor }),
      });
      if (outcome.kind === "bad-cursor") {
        throw new ApiError(400, `cursor ${quote(cursor ?? "")} is not one of ours`);
      }
      const { items, cursor: next } = outcome.page;
      return context.json({
        tenants: items.map(tenantView),
        ...(next === undefined ? {} : { cursor: next }),
      });
    })
    .get("/tenants/:id", async (context) => context.json(tenantView(await existing(context))))
    .get("/audit", (context) => auditReply(administration, context, OPERATOR_LOG))
    .get("/tenants/:id/audit", async (context) => {
      const { id } = await existing(context);
      return auditReply(administration, context, id);
    })
    .get("/tenants/:id/usage", async (context) => {
      const { id } = await existing(context);
      return usageReply(administration, context, id);
    })
    .post("/tenants/:id/suspend", suspend(true))
    .post("/tenants/:id/resume", suspend(false))
    .put("/tenants/:id/plan", async (context) => {
      const change = await readBody(context, PlanChange);
      const tenant = await administration.setPlan(idOf(context), change);
      if (tenant === null) throw tenantClosed(idOf(context));
      tell(context, JSON.stringify(change));
      return context.json(tenantView(tenant));
    })
    .delete("/tenants/:id", async (context) => {
      if (!(await administration.deleteTenant(idOf(context)))) throw tenantNotFound(idOf(context));
      return context.json(tenantView(await existing(context)), 202);
    })
    .post("/tenants/:id/tokens", (context) => tokens.create(context))
    .get("/tenants/:id/tokens", async (context) => {
      await existing(context);
      return tokens.list(context);
    })
    .delete("/tenants/:id/tokens/:tokenId", (context) => tokens.revoke(context))
    .all("/*", ({ req }) => {
      throw new ApiError(404, `there is no route ${req.method} ${quote(req.path)}`);
    });
}

const TENANT_PATH = /^\/admin\/v1\/tenants\/([^/]+)(\/.*)?$/;

/** What happens to a tenant is in its own log; that it was made or is to go, in the operator's. */
function actorOf({ req }: Context) {
  const [, id, rest] = TENANT_PATH.exec(req.path) ?? [];
  const isItsOwn = id !== undefined && rest !== undefined && isUuid(id);
  return { tenantId: isItsOwn ? id : OPERATOR_LOG, actor: { kind: "operator" } } as const;
}

function idOf(context: Context): string {
  return context.req.param("id") ?? "";
}

function tenantView({ id, name, standing, plan, createdAt, deleted }: Tenant) {
  return {
    id,
    name,
    status: standing,
    plan: plan.name,
    limits: plan.limits,
    createdAt,
    ...(deleted === null ? {} : { deletedRows: deleted }),
  };
}
