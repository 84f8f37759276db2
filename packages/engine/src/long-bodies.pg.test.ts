import { randomBytes } from "node:crypto";

import { startEngine } from "@omnistore/testkit/engine";
import { expect, test } from "vitest";

import { getMessage } from "./history/get-message.ts";
import { loadMessages } from "./load-messages.sql.ts";

const MIB = 1024 * 1024;

test("a long body is read whole, and no answer of the database brings more than 4 MiB of it", async () => {
  const engine = await startEngine();
  const { pool, vault } = engine.core;
  const { tenantId } = engine;
  const largest: number[] = [];
  const watched = new Proxy(pool, {
    get: (target, name) =>
      name === "query"
        ? async (text: string, values: unknown[]) => {
            const result = await pool.query<Record<string, unknown>>(text, values);
            for (const cell of result.rows.flatMap((row) => Object.values(row)))
              if (Buffer.isBuffer(cell)) largest.push(cell.length);
            return result;
          }
        : Reflect.get(target, name),
  });
  for (const bytes of [4 * MIB, 4 * MIB + 1, 9 * MIB + 7]) {
    const message = await engine.store({ body: randomBytes(bytes) });
    const loaded = await loadMessages(watched, vault, [{ tenantId, messageId: message.id }]);
    expect(loaded.get(message.id)?.body.equals(message.body)).toBe(true);
    const found = await getMessage(watched, vault, tenantId, message.id);
    expect(found?.body.equals(message.body)).toBe(true);
  }
  expect(Math.max(...largest)).toBe(4 * MIB);
  await engine.stop();
});
