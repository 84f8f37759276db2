import { createHash, timingSafeEqual } from "node:crypto";

import type { EngineCore } from "@omnistore/engine/core";
import { createTenant } from "@omnistore/engine/tenant/create-tenant";
import { Hono, type Context } from "hono";
import { bodyLimit } from "hono/body-limit";
import { z } from "zod";

const BODY_BYTES = 64 * 1024;

const NewTenant = z.strictObject({
  name: z.string().trim().min(1).max(200),
});

/** The operator's API: bearer `OMNISTORE_ADMIN_TOKEN`. Without one it is closed. */
export function adminRoutes(core: EngineCore, adminToken: string | undefined): Hono {
  return new Hono()
    .use("/admin/v1/*", async (c, next) => {
      if (adminToken === undefined) {
        return c.json({ error: "the operator API is closed: set OMNISTORE_ADMIN_TOKEN" }, 403);
      }
      const given = /^Bearer (.+)$/i.exec(c.req.header("authorization") ?? "")?.[1];
      if (given === undefined || !isSame(given, adminToken)) {
        return c.json(
          { error: "send Authorization: Bearer with the value of OMNISTORE_ADMIN_TOKEN" },
          401,
        );
      }
      return next();
    })
    .post(
      "/admin/v1/tenants",
      bodyLimit({
        maxSize: BODY_BYTES,
        onError: (c) => c.json({ error: `the body is larger than ${BODY_BYTES} bytes` }, 413),
      }),
      async (c) => {
        const tenant = NewTenant.safeParse(await readJson(c));
        if (!tenant.success) return c.json({ error: describe(tenant.error) }, 400);
        return c.json(await createTenant(core, tenant.data.name), 201);
      },
    );
}

/** Undefined for what is not JSON: the schema then says that an object was expected. */
async function readJson(c: Context): Promise<unknown> {
  return c.req.json<unknown>().catch(() => undefined);
}

function describe(error: z.ZodError): string {
  return error.issues
    .map(({ path, message }) => `${path.length > 0 ? path.join(".") : "body"}: ${message}`)
    .join("; ");
}

/** Compares without telling by its time how much was right. */
function isSame(given: string, expected: string): boolean {
  return timingSafeEqual(digest(given), digest(expected));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
