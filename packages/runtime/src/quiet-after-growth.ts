/** What a process is at the moment. */
export interface Look {
  /** Share of the time since the last look in which the event loop worked. */
  readonly utilization: number;
  readonly residentBytes: number;
}

/** So many looks in a row are to find the process quiet: a pause between two bursts is no rest. */
export const QUIET_LOOKS = 10;
/** A process that waits for work, with its heartbeats and timers, uses far less of its time. */
const QUIET_UTILIZATION = 0.05;
/** Less than this is not worth a pause. */
const WORTH_BYTES = 24 * 1024 * 1024;

/** Decides when a process should give back the memory that its work took: when it has grown and then been quiet. */
export class QuietAfterGrowth {
  #restingBytes: number;
  #quietLooks = 0;

  /** `restingBytes`: what the process takes when it has nothing to do. */
  constructor(restingBytes: number) {
    this.#restingBytes = restingBytes;
  }

  isDue({ utilization, residentBytes }: Look): boolean {
    this.#quietLooks = utilization < QUIET_UTILIZATION ? this.#quietLooks + 1 : 0;
    return this.#quietLooks >= QUIET_LOOKS && residentBytes - this.#restingBytes >= WORTH_BYTES;
  }

  /** What could not be given back is what the process takes from now on. */
  gaveBack(residentBytes: number): void {
    this.#restingBytes = residentBytes;
    this.#quietLooks = 0;
  }
}
