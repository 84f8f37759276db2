import type { ScheduleNotice } from "@omnistore/engine/schedule/plan-due";
import type { DueRun, ScheduleRunner } from "@omnistore/engine/schedule/run-due";
import { Bell } from "@omnistore/runtime/bell";
import type { Logger } from "@omnistore/runtime/logger";

export interface TickLoopParts {
  readonly runner: Pick<ScheduleRunner, "runDue" | "prepare">;
  readonly logger: Logger;
  /** Called after messages were stored. */
  readonly onStored: () => void;
}

/** Longest time without a look at what is due, in case an announcement was lost. */
const POLL_MS = 1_000;
const RETRY_MS = 500;
/** Batches under way at once while there is more due than one takes: one is worked out, one is written. */
const LANES = 2;
/** What is due soon is worked out ahead when there is this much time, and not more often than that. */
const PREPARE_TIME_MS = 500;
const PREPARE_EVERY_MS = 5_000;

/** Sleeps until the next schedule is due or one is changed, and fires what is due. */
export class TickLoop {
  readonly #parts: TickLoopParts;
  readonly #bell = new Bell();
  #running: Promise<void> | undefined;
  #stopping = false;
  /** The last look found as much as one batch takes. */
  #isBurst = false;
  /** Monotonic time of the last look ahead. */
  #preparedAt = Number.NEGATIVE_INFINITY;

  constructor(parts: TickLoopParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** A schedule was created or changed: look again. */
  poke(): void {
    this.#bell.ring();
  }

  /** Ends after the batch that is under way. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#bell.ring();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      try {
        const nextInMs = await this.#turn();
        const spentMs = await this.#prepare(nextInMs);
        // Timers may ring a moment early: the next whole millisecond is certainly not too early.
        await this.#bell.wait(Math.ceil(Math.min(POLL_MS, nextInMs - spentMs)));
      } catch (error) {
        this.#parts.logger.error({ err: error }, "schedules could not be fired; trying again");
        await this.#bell.wait(RETRY_MS);
      }
    }
  }

  /** One look at what is due. Returns milliseconds until the next tick, infinite when none is in sight. */
  async #turn(): Promise<number> {
    const lanes = Array.from({ length: this.#isBurst ? LANES : 1 }, () => this.#fire());
    const runs = await Promise.all(lanes);
    this.#isBurst = runs.some(({ isFull }) => isFull);
    return Math.min(...runs.map(({ nextInMs }) => nextInMs ?? Number.POSITIVE_INFINITY));
  }

  /** Looks ahead when a tick is near but not too near. Returns the milliseconds that this took. */
  async #prepare(nextInMs: number): Promise<number> {
    const start = performance.now();
    const isNear = nextInMs >= PREPARE_TIME_MS && nextInMs <= PREPARE_EVERY_MS / 2;
    if (!isNear || start - this.#preparedAt < PREPARE_EVERY_MS) return 0;
    this.#preparedAt = start;
    await this.#parts.runner.prepare(nextInMs - PREPARE_TIME_MS / 5);
    return performance.now() - start;
  }

  async #fire(): Promise<DueRun> {
    const run = await this.#parts.runner.runDue();
    for (const notice of run.notices) this.#tell(notice);
    if (run.fired > 0) this.#parts.onStored();
    return run;
  }

  #tell(notice: ScheduleNotice): void {
    const { tenantId, scheduleId } = notice;
    const { logger } = this.#parts;
    switch (notice.kind) {
      case "skipped": {
        const [first, last] = [notice.firstMs, notice.lastMs].map((ms) => new Date(ms));
        logger.warn({ tenantId, scheduleId, first, last }, "skipped ticks that were missed");
        return;
      }
      case "refused":
        logger.warn({ tenantId, scheduleId, reason: notice.error }, "skipped a tick");
        return;
      case "failed":
        logger.error({ tenantId, scheduleId, reason: notice.error }, "a schedule fired nothing");
        return;
    }
  }
}
