import { connect, type Pool } from "@omnistore/db/client";

import { database, type Database } from "./database.ts";
import { DatabaseClock } from "./database-clock.ts";
import { Sealer } from "./tenant/seal.ts";
import { SigningKeyRing } from "./tenant/signing-keys.ts";

/** What every part of a process shares: one pool, one clock, one ring of keys. */
export interface EngineCore {
  readonly databaseUrl: string;
  readonly pool: Pool;
  readonly db: Database;
  readonly clock: DatabaseClock;
  readonly sealer: Sealer;
  readonly signingKeys: SigningKeyRing;
  readonly name: string;
  /** Sets the clock; everything else connects when it is first used. */
  start(): Promise<void>;
  /** Closes every connection. */
  stop(): Promise<void>;
}

export interface CoreOptions {
  readonly databaseUrl: string;
  /** 32 bytes that seal the tenants' secrets. */
  readonly encryptionKey: Buffer;
  readonly onIdleError?: (error: Error) => void;
}

/** Puts the core together. Start it before, and stop it after, whatever uses it. */
export function createCore(options: CoreOptions): EngineCore {
  const pool = connect(options);
  const db = database(pool);
  const sealer = new Sealer(options.encryptionKey);
  const clock = new DatabaseClock(pool);
  return {
    name: "core",
    start: () => clock.start(),
    async stop() {
      await clock.stop();
      await pool.end();
    },
    databaseUrl: options.databaseUrl,
    pool,
    db,
    sealer,
    clock,
    signingKeys: new SigningKeyRing(db, sealer),
  };
}
