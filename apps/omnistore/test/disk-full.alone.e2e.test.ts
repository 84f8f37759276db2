import { setTimeout as sleep } from "node:timers/promises";

import type { RunningProcess } from "@omnistore/testkit/child-process";
import { startCrashablePostgres } from "@omnistore/testkit/crashable-postgres";
import { DEVELOPMENT } from "@omnistore/testkit/official-client";
import { startReceiver, type Receiver } from "@omnistore/testkit/receiver";
import { mountSmallDisk } from "@omnistore/testkit/small-disk";
import { until } from "@omnistore/testkit/until";
import pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";

import { startServices } from "./single-services.ts";

/** Contract of this service with its users: how long after there is room again it works again. */
const RECOVERY_LIMIT_MS = 10_000;
/** A fresh database and some 100 MB for what the test writes. */
const DISK_MB = 256;
const PUBLISHERS = 16;
/** Larger than a page, so that a full disk is met soon; random, so that it cannot be compressed. */
const BODY_BYTES = 20_000;

let receiver: Receiver;
let running: RunningProcess[];
let cleanUps: (() => unknown)[];

beforeEach(async () => {
  receiver = await startReceiver();
  running = [];
  cleanUps = [];
});
afterEach(async () => {
  await Promise.all(running.map((child) => child.end("SIGKILL")));
  await receiver.close();
  for (const cleanUp of cleanUps.toReversed()) await cleanUp();
});

async function countWaiting(databaseUrl: string): Promise<number> {
  const client = new pg.Client({ connectionString: databaseUrl });
  try {
    await client.connect();
    const { rows } = await client.query<{ n: number }>("SELECT count(*)::int AS n FROM deliveries");
    return rows[0]?.n ?? -1;
  } finally {
    await client.end();
  }
}

// Nobody but root may mount a file system of a size of its own.
test.skipIf(process.getuid?.() !== 0)(
  "a full disk: 503 with Retry-After, nothing acknowledged is lost, the log says why, and with room again it works by itself",
  async () => {
    const disk = mountSmallDisk(DISK_MB);
    cleanUps.push(() => disk.remove());
    const postgres = await startCrashablePostgres(disk.path);
    cleanUps.push(() => postgres.stop());
    const url = await startServices(postgres.url, ["api", "dispatcher", "scheduler"], running);

    const acknowledged: string[] = [];
    const refused: { status: number; retryAfter: string | null; text: string }[] = [];
    const stop = new AbortController();
    async function publish(): Promise<void> {
      const response = await fetch(`${url}/v2/publish/${receiver.url}`, {
        method: "POST",
        headers: { authorization: `Bearer ${DEVELOPMENT.token}` },
        body: crypto.getRandomValues(new Uint8Array(BODY_BYTES)),
      });
      const text = await response.text();
      const { status, headers } = response;
      if (status === 200) acknowledged.push((JSON.parse(text) as { messageId: string }).messageId);
      else refused.push({ status, retryAfter: headers.get("retry-after"), text });
      if (status !== 200) await sleep(50);
    }
    const publishers = Array.from({ length: PUBLISHERS }, async () => {
      while (!stop.signal.aborted) await publish();
    });

    await until(async () => acknowledged.length >= 300);
    disk.fill();
    // Whatever room PostgreSQL had kept for itself is used up too, and nothing gets in.
    await until(async () => refused.length >= 3 * PUBLISHERS, 30_000);
    const before = acknowledged.length;
    disk.free();
    await until(async () => acknowledged.length >= before + 300, RECOVERY_LIMIT_MS);
    stop.abort();
    await Promise.all(publishers);

    const wrong = refused.filter(
      ({ status, retryAfter }) => status !== 503 || !(Number(retryAfter) >= 1),
    );
    expect(wrong).toEqual([]);
    await until(async () => (await countWaiting(postgres.url)) === 0, 30_000);
    const arrived = new Set(receiver.requests.map(({ headers }) => headers["upstash-message-id"]));
    expect(acknowledged.filter((id) => !arrived.has(id))).toEqual([]);
    expect(running[0]?.output()).toContain("PostgreSQL has no room left on its disk");
  },
  120_000,
);
