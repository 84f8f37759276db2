import { setImmediate } from "node:timers/promises";

/** Wakes one sleeper. A ring while nobody sleeps is remembered: the next wait returns at once. */
export class Bell {
  #rung = false;
  #wake: (() => void) | undefined;

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /**
   * Resolves at the next ring, or after `ms` milliseconds; never before whatever else is due has had
   * its turn, so that a loop which need not wait starves nobody.
   */
  async wait(ms: number): Promise<void> {
    if (this.#rung || ms <= 0) await setImmediate();
    else {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = undefined;
    }
    this.#rung = false;
  }
}
