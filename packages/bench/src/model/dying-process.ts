import type { Pool } from "@omnistore/db/client";

const DIED = "the process died";

/**
 * A process that dies before its n-th statement, as the database sees it: what its transaction did is
 * undone, whatever else it did stays. By one connection that is kept, as to make a new one takes longer
 * than a whole step.
 */
export class DyingProcess {
  /** What the process does its work with. */
  readonly pool: Pool;
  readonly #undone: Promise<unknown>[] = [];
  #left: number;

  constructor(pool: Pool, statements: number) {
    this.#left = statements;
    this.pool = this.#dying(pool);
  }

  /** Resolves when nothing is left of the process in the database. */
  async end(): Promise<void> {
    await Promise.all(this.#undone);
  }

  #dying<Target extends object>(target: Target): Target {
    return new Proxy(target, {
      get: (real, name) => {
        const member: unknown = Reflect.get(real, name, real);
        if (typeof member !== "function") return member;
        switch (name) {
          case "connect":
            return async () => {
              const client: unknown = await member.call(real);
              return typeof client === "object" && client !== null ? this.#dying(client) : client;
            };
          case "query":
            return (...words: unknown[]) => {
              this.#left -= 1;
              if (this.#left < 0) throw new Error(DIED);
              return member.apply(real, words) as unknown;
            };
          case "release":
            return (failure: unknown) => {
              if (failure === undefined) return member.call(real) as unknown;
              this.#undone.push(rollBack(real).then(() => member.call(real) as unknown));
              return undefined;
            };
          default:
            return member.bind(real) as unknown;
        }
      },
    });
  }
}

/** Whether an error is the end of a dying process, and no fault. */
export function isDeath(error: unknown): boolean {
  return error instanceof Error && error.message === DIED;
}

async function rollBack(client: object): Promise<void> {
  const query: unknown = Reflect.get(client, "query");
  if (typeof query === "function") await Reflect.apply(query, client, ["ROLLBACK"]);
}
