import type { Pool } from "@omnistore/db/client";

const RESYNC_MS = 15_000;

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
      const asked = performance.now();
      const { rows } = await client.query<{ ms: number }>(
        "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS ms",
      );
      const answered = performance.now();
      const told = rows[0]?.ms;
      if (told !== undefined) this.#epochMs = told - (asked + answered) / 2;
    } finally {
      client.release();
    }
  }
}
