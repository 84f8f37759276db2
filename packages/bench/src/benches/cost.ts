import { setTimeout as sleep } from "node:timers/promises";

import type { Bench } from "../bench.ts";
import { publishAndDeliver } from "../lab/deliver-all.ts";
import { startAllInOne } from "../lab/product.ts";
import { alternate } from "../measure/alternate.ts";

const BODY_BYTES = 1024;
const COUNT = 10_000;
const CONNECTIONS = 256;
const RECORDED_MS = 500;

/** Where the WAL goes, by the table that a record is about, with its indexes; the rest is PostgreSQL's own. */
const WAL_PARTS = [
  { name: "the message", table: "messages" },
  { name: "its place in the queue", table: "deliveries" },
  { name: "the log of its attempt", table: "delivery_logs" },
] as const;

/** What a message costs the database. */
export const cost: Bench = {
  name: "cost",
  summary: "SQL statements and bytes of WAL for each message under load",
  countsStatements: true,
  async run(lab, rounds) {
    const databaseUrl = await lab.createDatabase("cost");
    const product = await startAllInOne(lab, { databaseUrl });
    const database = await lab.connect(databaseUrl);
    await database.query("CREATE EXTENSION pg_stat_statements");
    await database.query("CREATE EXTENSION pg_walinspect");

    /** Statements of everybody, and the end of the WAL, so far. */
    async function spent(): Promise<{ readonly statements: number; readonly walBytes: number }> {
      const { rows } = await database.query<{ statements: number; wal: number }>(
        `SELECT sum(calls)::float8 AS statements, (pg_current_wal_lsn() - '0/0')::float8 AS wal
         FROM pg_stat_statements`,
      );
      return {
        statements: rows[0]?.statements ?? Number.NaN,
        walBytes: rows[0]?.wal ?? Number.NaN,
      };
    }

    /** Bytes of the WAL records that change a table or its indexes first; the partitions of a table are one. */
    async function walOf(table: string, from: number, to: number): Promise<number> {
      const { rows } = await database.query<{ bytes: number }>(
        `SELECT coalesce(sum(record_length), 0)::float8 AS bytes
         FROM pg_get_wal_block_info('0/0'::pg_lsn + $2::numeric, '0/0'::pg_lsn + $3::numeric) AS b
         JOIN pg_class c ON c.relfilenode = b.relfilenode
         LEFT JOIN pg_index i ON i.indexrelid = c.oid
         JOIN pg_class t ON t.oid = coalesce(i.indrelid, c.oid)
         WHERE b.block_id = 0 AND t.relname ~ ('^' || $1::text || '(_[0-9]+)?$')`,
        [table, from, to],
      );
      return rows[0]?.bytes ?? Number.NaN;
    }

    const walRatios: number[] = [];
    const partRatios = WAL_PARTS.map((): number[] => []);
    const figures = await alternate(
      rounds,
      {
        statements: async () => {
          const before = await spent();
          await publishAndDeliver(lab, {
            origin: product.origin,
            count: COUNT,
            bodyBytes: BODY_BYTES,
            connections: CONNECTIONS,
          });
          // What arrived last is recorded a moment later.
          await sleep(RECORDED_MS);
          const after = await spent();
          walRatios.push((after.walBytes - before.walBytes) / (COUNT * BODY_BYTES));
          for (const [index, { table }] of WAL_PARTS.entries()) {
            const bytes = await walOf(table, before.walBytes, after.walBytes);
            partRatios[index]?.push(bytes / (COUNT * BODY_BYTES));
          }
          return (after.statements - before.statements) / COUNT;
        },
      },
      lab.note,
    );
    return {
      rows: [
        {
          name: "SQL statements per message",
          unit: "per message",
          values: figures.statements,
          target: { atMost: 0.05 },
        },
        {
          name: "WAL ÷ body of 1 KB",
          unit: "ratio",
          // As everywhere, the warm-up is not counted.
          values: walRatios.slice(1),
          target: { atMost: 2 },
        },
        ...WAL_PARTS.map(
          ({ name }, index) =>
            ({
              name: `of it for ${name}`,
              unit: "ratio",
              values: partRatios[index]?.slice(1) ?? [],
            }) as const,
        ),
      ],
      samples: [],
    };
  },
};
