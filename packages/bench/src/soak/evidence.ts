import pg from "pg";

import type { Arrival, Evidence } from "./judge.ts";

const MINUTE_MS = 60_000;

/** What the receiver has seen. */
export async function readJournal(receiverUrl: string): Promise<readonly Arrival[]> {
  const response = await fetch(`${receiverUrl}/journal`);
  const lines = (await response.text()).trim().split("\n");
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our receiver writes nothing else
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Arrival);
}

/** How many messages are still to be delivered. */
export async function countWaiting(databaseUrl: string): Promise<number> {
  const rows = await ask<{ n: number }>(databaseUrl, "SELECT count(*)::int AS n FROM deliveries");
  return rows[0]?.n ?? -1;
}

export async function readRecords(
  databaseUrl: string,
): Promise<Pick<Evidence, "deadLetters" | "recordedTwice">> {
  const dead = await ask<{ id: string }>(databaseUrl, "SELECT message_id AS id FROM dead_letters");
  const twice = await ask<{ id: string }>(
    databaseUrl,
    `SELECT message_id AS id FROM delivery_logs WHERE outcome IN ('delivered', 'dead')
     GROUP BY tenant_id, message_id HAVING count(*) > 1`,
  );
  return {
    deadLetters: new Set(dead.map(({ id }) => wireId(id))),
    recordedTwice: twice.map(({ id }) => wireId(id)),
  };
}

/** The minutes that schedules were there for, and the minute that each of their messages was made in. */
export function ticksOf(
  schedules: readonly { readonly id: string; readonly createdMs: number }[],
  arrivals: readonly Arrival[],
  untilMs: number,
): Pick<Evidence, "expectedTicks" | "firedTicks"> {
  const expectedTicks = schedules.flatMap(({ id, createdMs }) => {
    const first = Math.ceil(createdMs / MINUTE_MS);
    const last = Math.floor(untilMs / MINUTE_MS);
    return Array.from(
      { length: Math.max(0, last - first + 1) },
      (_, index) => `${id} ${first + index}`,
    );
  });
  const madeAt = new Map<string, string>();
  for (const { id, path } of arrivals) {
    const schedule = /^\/tick\/(.+)/.exec(path)?.[1];
    if (schedule !== undefined) madeAt.set(id, `${schedule} ${minuteOf(id)}`);
  }
  return { expectedTicks, firedTicks: [...madeAt.values()] };
}

function minuteOf(id: string): number {
  // The first 48 bits of a uuidv7 are unix milliseconds.
  return Math.floor(Number.parseInt(id.slice("msg_".length).slice(0, 12), 16) / MINUTE_MS);
}

function wireId(id: string): string {
  return `msg_${id.replaceAll("-", "")}`;
}

async function ask<Row extends pg.QueryResultRow>(url: string, text: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}
