import {
  outcomeOfStatus,
  type AuditOperations,
  type Change,
  type Tell,
} from "@omnistore/domain/tenant/audit";
import { quote } from "@omnistore/domain/quote";
import { getConnInfo } from "@hono/node-server/conninfo";
import type { Context, HonoRequest } from "hono";
import { createMiddleware } from "hono/factory";

import { readQuery } from "./body.ts";
import { ApiError } from "./errors.ts";
import { PageQuery } from "./fields.ts";

/** Longest path of an entry. */
const KEPT = 1_000;

/** Leads from a request to its entry. */
const entries = new WeakMap<HonoRequest, Tell>();

/** Adds to the entry of the change that this request makes: see `Tell`. */
export function tell({ req }: Context, detail: string): void {
  entries.get(req)?.(detail);
}

/** Notes every request that may change something, by whom and whose it is: see `AuditOperations`. */
export function auditChanges<Env extends object>(
  operations: AuditOperations,
  who: (context: Context<Env>) => Pick<Change, "tenantId" | "actor">,
) {
  return createMiddleware<Env>(async (context, next) => {
    const { method, url } = context.req;
    if (method === "GET" || method === "HEAD") {
      await next();
      return;
    }
    const change = {
      ...who(context),
      // As it was sent: what is decoded may hold what no database takes.
      action: `${method} ${new URL(url).pathname}`.slice(0, KEPT),
      query: "",
      from: getConnInfo(context).remote.address ?? null,
    };
    const answer = async (tellEntry: Tell) => {
      entries.set(context.req, tellEntry);
      await next();
      return context.res.status;
    };
    await operations.audited(change, answer, outcomeOfStatus);
  });
}

/** A page of somebody's audit log. */
export async function auditReply(
  operations: AuditOperations,
  context: Context,
  tenantId: string,
): Promise<Response> {
  const { count, cursor } = readQuery(context, PageQuery);
  const query = { count, ...(cursor === undefined ? {} : { cursor }) };
  const outcome = await operations.listAudit(tenantId, query);
  if (outcome.kind === "bad-cursor") {
    throw new ApiError(400, `cursor ${quote(cursor ?? "")} is not one of ours`);
  }
  const { items, cursor: next } = outcome.page;
  return context.json({ entries: items, ...(next === undefined ? {} : { cursor: next }) });
}
