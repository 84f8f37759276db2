/** Tells a person at a terminal what is going on and how long it took. */
export interface Progress {
  /** Names a step, does it, and adds the time it took. */
  step<Result>(name: string, work: () => Promise<Result>): Promise<Result>;
  /** Something worth knowing within a step. */
  note(text: string): void;
}

export function createProgress(write: (text: string) => void): Progress {
  let isLineOpen = false;

  function line(text: string): void {
    write(`${isLineOpen ? "\n" : ""}  ${text}\n`);
    isLineOpen = false;
  }

  return {
    async step(name, work) {
      const startMs = performance.now();
      write(`${name} …`);
      isLineOpen = true;
      try {
        const result = await work();
        const took = `${((performance.now() - startMs) / 1_000).toFixed(1)} s`;
        if (isLineOpen) write(` ${took}\n`);
        else line(took);
        return result;
      } catch (error) {
        if (isLineOpen) write("\n");
        throw error;
      } finally {
        isLineOpen = false;
      }
    },
    note: line,
  };
}
