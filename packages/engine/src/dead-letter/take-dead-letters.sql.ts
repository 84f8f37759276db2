import type { Queryable } from "@omnistore/db/client";

import { dayOfDeath } from "./day-of-death.ts";

/** An entry that was removed. */
export interface TakenDeadLetter {
  readonly id: string;
  readonly messageId: string;
}

/**
 * Removes entries by id and returns those that were there: who removes an entry is the only one to
 * do something with it. Locked in the order of ids, so that two calls never wait for each other.
 */
export async function takeDeadLetters(
  db: Queryable,
  tenantId: string,
  ids: readonly string[],
): Promise<readonly TakenDeadLetter[]> {
  const { rows } = await db.query<{ id: string; message_id: string }>(
    `WITH locked AS (
       SELECT id, died_on FROM dead_letters
       WHERE tenant_id = $1 AND id = ANY ($2::uuid[]) AND died_on = ANY ($3::date[])
       ORDER BY id FOR UPDATE
     )
     DELETE FROM dead_letters l USING locked
     WHERE l.tenant_id = $1 AND l.id = ANY ($2::uuid[]) AND l.died_on = ANY ($3::date[])
       AND l.id = locked.id AND l.died_on = locked.died_on
     RETURNING l.id, l.message_id`,
    [tenantId, ids, [...new Set(ids.map(dayOfDeath))]],
  );
  return rows.map((row) => ({ id: row.id, messageId: row.message_id }));
}
