import { connect, type Pool } from "@omnistore/db/client";
import { ROLES } from "@omnistore/db/roles";

import { Bandwidth } from "./bandwidth.ts";
import { database, type Database } from "./database.ts";
import { DatabaseClock } from "./database-clock.ts";
import { MasterKeys } from "./master-keys.ts";
import { checkEncryptionKey } from "./tenant/check-encryption-key.ts";
import { type TenantScopes, tenantScopes } from "./tenant-scope.ts";
import { Senders } from "./tenant/senders.ts";
import { SigningKeyRing } from "./tenant/signing-keys.ts";
import { TenantPlans } from "./tenant-plans.ts";
import { Vault } from "./vault.ts";

/** What every part of a process shares: one pool, one clock, one ring of keys. */
export interface EngineCore {
  readonly databaseUrl: string;
  /** Runs as `omnistore_engine`: for work that crosses tenants. */
  readonly pool: Pool;
  readonly db: Database;
  /** For the work of one tenant. */
  readonly scopeOf: TenantScopes;
  readonly clock: DatabaseClock;
  readonly vault: Vault;
  readonly plans: TenantPlans;
  readonly senders: Senders;
  readonly bandwidth: Bandwidth;
  readonly signingKeys: SigningKeyRing;
  readonly name: string;
  /** Checks the encryption key and sets the clock; everything else connects when it is first used. */
  start(): Promise<void>;
  /** Closes every connection. */
  stop(): Promise<void>;
}

export interface CoreOptions {
  readonly databaseUrl: string;
  /** 32 bytes that wrap the data keys of tenants. */
  readonly encryptionKey: Buffer;
  /** Another one that data keys may still be wrapped by, or wrapped by already, while it is changed. */
  readonly previousEncryptionKey?: Buffer | undefined;
  /** False: what tenants send is stored in clear. */
  readonly sealsContent: boolean;
  /** Told of stored values that cannot be opened. */
  readonly onUnreadable?: (error: unknown) => void;
  readonly onIdleError?: (error: Error) => void;
}

/** Puts the core together. Start it before, and stop it after, whatever uses it. */
export function createCore(options: CoreOptions): EngineCore {
  const pool = connect({ ...options, role: ROLES.engine });
  const scopeOf = tenantScopes(pool);
  const db = database(pool);
  const { previousEncryptionKey: previous } = options;
  const masterKeys = new MasterKeys(
    options.encryptionKey,
    previous === undefined ? [] : [previous],
  );
  const vault = new Vault({ ...options, pool, masterKeys });
  const clock = new DatabaseClock(pool);
  const plans = new TenantPlans(pool);
  return {
    name: "core",
    async start() {
      await checkEncryptionKey(pool, masterKeys);
      await clock.start();
    },
    async stop() {
      await clock.stop();
      await pool.end();
    },
    databaseUrl: options.databaseUrl,
    pool,
    db,
    scopeOf,
    vault,
    plans,
    bandwidth: new Bandwidth(pool, clock),
    clock,
    senders: new Senders(scopeOf, vault, plans),
    signingKeys: new SigningKeyRing(scopeOf, vault),
  };
}
