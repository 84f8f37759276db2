import type { Pool, Queryable } from "@omnistore/db/client";

const RESYNC_MS = 15_000;
/** How often it asks in a row. The quickest answer counts: it tells the time most precisely. */
const LOOKS = 5;
/** An answer that took longer says too little: half of this is how wrong the clock may be. */
const ROUND_TRIP_LIMIT_MS = 500;

/**
 * The database's time, told without a round trip: the last answer of the database plus what a
 * monotonic clock has counted since. The clock of the machine is never asked, so a process whose
 * clock is wrong still stamps the right times.
 */
export class DatabaseClock {
  readonly name = "database-clock";
  readonly #pool: Pool;
  /** Unix milliseconds at monotonic zero. */
  #epochMs = Number.NaN;
  #timer: NodeJS.Timeout | undefined;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** Unix milliseconds, with fractions, as the database would tell them. */
  nowMs(): number {
    if (Number.isNaN(this.#epochMs))
      throw new Error("the database clock was read before its start");
    return this.#epochMs + performance.now();
  }

  async start(): Promise<void> {
    if (this.#timer !== undefined) return;
    await this.#synchronise();
    // A failed look leaves the old reading in force: monotonic clocks drift by parts in a million.
    this.#timer = setInterval(() => void this.#synchronise().catch(() => undefined), RESYNC_MS);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #synchronise(): Promise<void> {
    const client = await this.#pool.connect();
    try {
      let quickest = await look(client);
      for (let looks = 1; looks < LOOKS; looks += 1) {
        const another = await look(client);
        if (another.tookMs < quickest.tookMs) quickest = another;
      }
      // A process that was paused while it asked cannot know when in between the database answered.
      const isPrecise = quickest.tookMs <= ROUND_TRIP_LIMIT_MS || Number.isNaN(this.#epochMs);
      if (isPrecise) this.#epochMs = quickest.epochMs;
      client.release();
    } catch (error) {
      client.release(error instanceof Error ? error : true);
      throw error;
    }
  }
}

/** What one answer of the database says of its clock. */
async function look(db: Queryable): Promise<{ epochMs: number; tookMs: number }> {
  const asked = performance.now();
  const { rows } = await db.query<{ ms: number }>(
    "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS ms",
  );
  const answered = performance.now();
  const told = rows[0]?.ms;
  if (told === undefined) throw new Error("the database did not tell its time");
  return { epochMs: told - (asked + answered) / 2, tookMs: answered - asked };
}
