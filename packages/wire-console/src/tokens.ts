import type {
  IssuedToken,
  TokenOperations,
  UsageOperations,
} from "@omnistore/domain/tenant/administration";
import { quote } from "@omnistore/domain/quote";
import type { Context } from "hono";

import { tell } from "./audit.ts";
import { readBody } from "./body.ts";
import { ApiError } from "./errors.ts";
import { NewToken, Rotation } from "./fields.ts";

/** The routes of one tenant's tokens, whoever asks for them. */
export function tokenHandlers(
  operations: TokenOperations & Pick<UsageOperations, "nowMs">,
  tenantIdOf: (context: Context) => string,
) {
  return {
    async create(context: Context): Promise<Response> {
      const { name, role, expiresAt } = await readBody(context, NewToken);
      if (expiresAt !== undefined) checkExpiry(expiresAt, Math.floor(operations.nowMs()));
      const issued = await operations.createToken(tenantIdOf(context), {
        name,
        role,
        ...(expiresAt === undefined ? {} : { expiresAt }),
      });
      if (issued === null) throw tenantClosed(tenantIdOf(context));
      tell(context, `token ${issued.id}, ${role}`);
      return context.json(issued satisfies IssuedToken, 201);
    },
    async list(context: Context): Promise<Response> {
      return context.json({ tokens: await operations.listTokens(tenantIdOf(context)) });
    },
    async rotate(context: Context): Promise<Response> {
      const { overlapSeconds } = await readBody(context, Rotation);
      const id = tokenIdOf(context);
      const overlapMs = overlapSeconds * 1_000;
      const issued = await operations.rotateToken(tenantIdOf(context), id, overlapMs);
      if (issued === null) throw tokenNotFound(id);
      tell(context, `token ${issued.id}`);
      return context.json(issued, 201);
    },
    async revoke(context: Context): Promise<Response> {
      const id = tokenIdOf(context);
      if (!(await operations.revokeToken(tenantIdOf(context), id))) throw tokenNotFound(id);
      return context.json({});
    },
  };
}

/** A token that is born expired opens nothing: whoever asks for one has mistaken the time, or its unit. */
function checkExpiry(expiresAt: number, nowMs: number): void {
  if (expiresAt > nowMs) return;
  throw new ApiError(
    400,
    `expiresAt ${expiresAt} (${isoText(expiresAt)}) must be later than now, ${nowMs} (${isoText(nowMs)})`,
  );
}

function isoText(unixMs: number): string {
  return new Date(unixMs).toISOString();
}

export function tenantNotFound(id: string): ApiError {
  return new ApiError(404, `tenant ${quote(id)} not found`);
}

/** For a change. */
export function tenantClosed(id: string): ApiError {
  return new ApiError(404, `tenant ${quote(id)} not found, or being deleted`);
}

function tokenIdOf(context: Context): string {
  return context.req.param("tokenId") ?? "";
}

function tokenNotFound(id: string): ApiError {
  return new ApiError(404, `token ${quote(id)} not found`);
}
