import { createHash, timingSafeEqual } from "node:crypto";

import { createMiddleware } from "hono/factory";

import { ApiError } from "./errors.ts";

const BEARER = /^Bearer +(.+)$/i;

/** Lets the operator in, by `Authorization: Bearer`, and nobody else. Without a token it is closed to all. */
export function operatorOnly(adminToken: string | undefined) {
  return createMiddleware(async ({ req }, next) => {
    if (adminToken === undefined) {
      throw new ApiError(403, "the operator API is closed: set OMNISTORE_ADMIN_TOKEN");
    }
    const given = BEARER.exec(req.header("authorization") ?? "")?.[1];
    if (given === undefined || !isSame(given, adminToken)) {
      throw new ApiError(401, "send Authorization: Bearer with the value of OMNISTORE_ADMIN_TOKEN");
    }
    await next();
  });
}

/** Compares without telling by its time how much was right. */
function isSame(given: string, expected: string): boolean {
  return timingSafeEqual(digest(given), digest(expected));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
