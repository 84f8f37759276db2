import type { Bench } from "../bench.ts";
import { publishAndDeliver } from "../lab/deliver-all.ts";
import { startAllInOne } from "../lab/product.ts";
import { alternate } from "../measure/alternate.ts";

const BODY_BYTES = 1024;
const COUNT = 10_000;
const CONNECTIONS = 256;

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

    const walRatios: number[] = [];
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
          const after = await spent();
          walRatios.push((after.walBytes - before.walBytes) / (COUNT * BODY_BYTES));
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
          // As everywhere, the first round is not counted.
          values: walRatios.slice(1),
          target: { atMost: 2 },
        },
      ],
      samples: [],
    };
  },
};
