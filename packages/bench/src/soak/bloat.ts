import { stopOnSignal } from "../stop-on-signal.ts";
import { parseArgs } from "node:util";

import type pg from "pg";

import { openLab, type Lab } from "../lab/lab.ts";
import { AUTHORIZATION, startAllInOne, type Product } from "../lab/product.ts";
import { readOrExit, wholeNumber } from "../command-line.ts";

const HELP = `Usage: pnpm soak:bloat [--messages N] [--waiting N]

Sends messages through the whole service, with others waiting in the same queue, and says how much
larger the hot table and its indexes are in the end than they were when only those that wait had
been stored. Nothing but autovacuum cleans up. Exits with 1 when the table, or its indexes together,
are more than 3 times their fresh size.

  --messages N   how many go through, in steps of 5000 (5000000)
  --waiting N    how many wait meanwhile, 500 at least (100000)
  --help         this text
`;

const MOST_TIMES_FRESH = 3;
const BATCH = 500;
const CONNECTIONS = 4;
const BODY_BYTES = 64;
/** Messages that may be under way at once: what is published faster than it is delivered is no bloat. */
const STRIDE = 5_000;
const STRIDES_OF_A_LINE = 20;
const STRIDE_LIMIT_MS = 60_000;

interface Size {
  readonly name: string;
  readonly isIndex: boolean;
  readonly bytes: number;
}

/** Of the hot table and of each of its indexes. */
async function sizesOf(database: pg.Client): Promise<readonly Size[]> {
  const { rows } = await database.query<Size>(
    `SELECT relname AS name, relkind = 'i' AS "isIndex", pg_relation_size(oid)::float8 AS bytes
     FROM pg_class WHERE oid = 'deliveries'::regclass
       OR oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = 'deliveries'::regclass)
     ORDER BY relkind DESC, relname`,
  );
  return rows;
}

/** Publishes so many in batches, to be delivered at once or in a day. */
function publish(lab: Lab, { origin }: Product, count: number, delay?: string): Promise<unknown> {
  return lab.load.ask("publish", {
    origin,
    path: "/v2/batch",
    headers: AUTHORIZATION,
    connections: CONNECTIONS,
    bodyBytes: BODY_BYTES,
    until: { count },
    batchTo: {
      destinations: [`${lab.receiver.url}/`],
      size: BATCH,
      ...(delay === undefined ? {} : { headers: { "Upstash-Delay": delay } }),
    },
  });
}

async function run(messages: number, waiting: number): Promise<boolean> {
  const lab = await openLab({ note: say, against: undefined, countsStatements: false });
  const release = stopOnSignal(() => lab.close());
  try {
    const databaseUrl = await lab.createDatabase("bloat");
    const product = await startAllInOne(lab, { databaseUrl });
    const database = await lab.connect(databaseUrl);
    await publish(lab, product, waiting, "1d");
    const fresh = await sizesOf(database);
    const strides = Math.ceil(messages / STRIDE);
    for (let stride = 1; stride <= strides; stride += 1) {
      await lab.receiver.ask("reset", undefined);
      await publish(lab, product, STRIDE);
      await lab.receiver.ask("waitFor", { count: STRIDE, timeoutMs: STRIDE_LIMIT_MS });
      if (stride % STRIDES_OF_A_LINE === 0 || stride === strides)
        process.stderr.write(
          `${stride * STRIDE} of ${messages}: ${summary(await sizesOf(database))}\n`,
        );
    }
    return report(fresh, await sizesOf(database));
  } finally {
    release();
    await lab.close();
  }
}

function report(fresh: readonly Size[], used: readonly Size[]): boolean {
  for (const { name, bytes } of used) {
    const before = fresh.find((size) => size.name === name)?.bytes ?? 0;
    say(`        ${name}: ${megabytes(before)} -> ${megabytes(bytes)} MB`);
  }
  const table = judge("the table", sumOf(fresh, false), sumOf(used, false));
  const indexes = judge("its indexes together", sumOf(fresh, true), sumOf(used, true));
  return table && indexes;
}

function judge(what: string, fresh: number, used: number): boolean {
  const isKept = used <= MOST_TIMES_FRESH * fresh;
  say(
    `${isKept ? "ok    " : "BROKEN"}  ${what}: ${(used / fresh).toFixed(2)} times the fresh size`,
  );
  return isKept;
}

function summary(sizes: readonly Size[]): string {
  return `table ${megabytes(sumOf(sizes, false))} MB, indexes ${megabytes(sumOf(sizes, true))} MB`;
}

function sumOf(sizes: readonly Size[], ofIndexes: boolean): number {
  return sizes
    .filter(({ isIndex }) => isIndex === ofIndexes)
    .reduce((sum, { bytes }) => sum + bytes, 0);
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(2);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      messages: { type: "string" },
      waiting: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  return {
    isHelpAsked: values.help,
    messages: wholeNumber("messages", values.messages, { byDefault: 5_000_000, atLeast: STRIDE }),
    waiting: wholeNumber("waiting", values.waiting, { byDefault: 100_000, atLeast: BATCH }),
  };
}

const { isHelpAsked, messages, waiting } = readOrExit(readOptions, HELP);
if (isHelpAsked) say(HELP);
else process.exitCode = (await run(messages, waiting)) ? 0 : 1;
