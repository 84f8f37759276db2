import pg from "pg";

const DAY_MS = 86_400_000;

/** Moves what a tenant's log and its one dead letter tell back by days, into partitions as they are there from then. */
export async function moveHistoryBack(
  databaseUrl: string,
  tenantId: string,
  days: number,
): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const ms = days * DAY_MS;
  const day = new Date(Date.now() - ms).toISOString().slice(0, 10);
  for (const table of ["delivery_logs", "dead_letters"]) {
    const name = `${table}_${day.replaceAll("-", "")}`;
    await client.query(
      `CREATE TABLE IF NOT EXISTS ${name}
         PARTITION OF ${table} FOR VALUES FROM ('${day}') TO ('${day}'::date + 1);
       SELECT raise_wall(oid::regclass, true) FROM pg_class
       WHERE oid = '${name}'::regclass AND NOT relforcerowsecurity`,
    );
  }
  const back = `interval '${ms} ms'`;
  await client.query(
    `UPDATE delivery_logs SET logged_on = $2, started_at = started_at - ${back}, ended_at = ended_at - ${back}
     WHERE tenant_id = $1`,
    [tenantId, day],
  );
  const time = Math.floor(Date.now() - ms)
    .toString(16)
    .padStart(12, "0");
  await client.query(
    `UPDATE dead_letters SET died_on = $2, died_at = died_at - ${back},
       id = overlay(id::text PLACING $3 FROM 1 FOR 13)::uuid
     WHERE tenant_id = $1`,
    [tenantId, day, `${time.slice(0, 8)}-${time.slice(8)}`],
  );
  await client.end();
}
