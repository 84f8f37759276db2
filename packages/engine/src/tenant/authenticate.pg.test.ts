import { startEngine, type TestEngine } from "@omnistore/testkit/engine";
import { afterAll, beforeAll, expect, test } from "vitest";

import { Authenticator } from "./authenticate.ts";
import { createTenant } from "./create-tenant.ts";

let engine: TestEngine;
let lookUps = 0;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.stop());

async function tokenAndAuthenticator() {
  const { id, token } = await createTenant(engine.core, "asks");
  lookUps = 0;
  const authenticator = new Authenticator(engine.core.db, {
    acceptDevelopmentCredentials: false,
    onUsed: () => (lookUps += 1),
  });
  return { id, token, authenticator };
}

const askMany = (authenticator: Authenticator, token: string) =>
  Promise.all(Array.from({ length: 50 }, () => authenticator.authenticate(token)));

test("requests that come at once with one token wait for one look-up, and later ones remember it", async () => {
  const { id, token, authenticator } = await tokenAndAuthenticator();
  const callers = await askMany(authenticator, token);
  expect(callers.map((caller) => caller?.tenantId)).toEqual(callers.map(() => id));
  await authenticator.authenticate(token);
  expect(lookUps).toBe(1);
});

test("who comes after a revocation does not wait for a look-up that began before it", async () => {
  const { token, authenticator } = await tokenAndAuthenticator();
  const before = askMany(authenticator, token);
  authenticator.forget();
  await Promise.all([before, askMany(authenticator, token)]);
  expect(lookUps).toBe(2);
});

test("a look-up that failed is made again", async () => {
  const { id, authenticator, token } = await tokenAndAuthenticator();
  const stranger = Buffer.from(JSON.stringify({ UserID: id, Password: "no" })).toString("base64");
  expect(await askMany(authenticator, stranger)).toEqual(Array.from({ length: 50 }, () => null));
  expect((await authenticator.authenticate(token))?.tenantId).toBe(id);
});
