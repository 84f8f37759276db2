import pg from "pg";

import type { Pool } from "./client.ts";
import { ROLES, TENANT_SETTING } from "./roles.ts";

// The driver's own steps of a query, which its types leave out.
declare module "pg" {
  interface Query {
    prepare(connection: Connection): void;
    handleDataRow(message: unknown): void;
    handleCommandComplete(message: unknown, connection: Connection): void;
  }
  interface Connection {
    /** Text by name, of what this connection has prepared. */
    readonly parsedStatements: Record<string, string>;
  }
}

type Callback = (error: Error | null, result: pg.QueryResult) => void;
type Config = pg.QueryConfig & { readonly query_timeout?: number };

const SCOPE = {
  name: "omnistore-tenant-scope",
  text: `SELECT set_config('role', '${ROLES.tenant}', true), set_config('${TENANT_SETTING}', $1, true)`,
} as const;

/**
 * A statement that runs as `omnistore_tenant` and for one tenant. What sets both travels in the same
 * packet ahead of it: without a Sync in between the two are one transaction, so that this costs no
 * round trip, and the connection is what it was when the answer is there.
 */
class TenantQuery extends pg.Query {
  readonly #tenantId: string;
  #isScoped = false;
  callback: Callback | undefined;
  readonly query_timeout: number | undefined;

  constructor(tenantId: string, query: string | Config, values: unknown[] | undefined) {
    const config = typeof query === "string" ? { text: query } : query;
    super({ ...config, queryMode: "extended" } as pg.QueryConfig, values);
    this.#tenantId = tenantId;
    this.query_timeout = config.query_timeout;
  }

  override prepare(connection: pg.Connection): void {
    if (connection.parsedStatements[SCOPE.name] === undefined) {
      connection.parse({ ...SCOPE, types: [] }, true);
    }
    connection.bind({ statement: SCOPE.name, values: [this.#tenantId] }, true);
    connection.execute({}, true);
    super.prepare(connection);
  }

  override handleDataRow(message: unknown): void {
    if (this.#isScoped) super.handleDataRow(message);
  }

  override handleCommandComplete(message: unknown, connection: pg.Connection): void {
    if (this.#isScoped) return super.handleCommandComplete(message, connection);
    this.#isScoped = true;
    connection.parsedStatements[SCOPE.name] = SCOPE.text;
  }
}

/** What begins and ends transactions touches no table, and may be several statements in one. */
const CONTROLS_TRANSACTION = /^\s*(begin|commit|rollback|savepoint|release)\b/i;

const poolBehind = new WeakMap<Pool, Pool>();

/**
 * The same pool, for the work of one tenant: each statement, also of its transactions, runs as
 * `omnistore_tenant` and sees that tenant's rows only. `tenantId` is a UUID; it costs nothing to make.
 */
export function tenantPool(pool: Pool, tenantId: string): Pool {
  const scoped = new Proxy(pool, {
    get(real, name) {
      if (name === "query") {
        return (query: string | Config, values?: unknown[]) =>
          real.query(new TenantQuery(tenantId, query, values));
      }
      if (name === "connect") return async () => scopedClient(await real.connect(), tenantId);
      return boundMember(real, name);
    },
  });
  poolBehind.set(scoped, pool);
  return scoped;
}

/** The pool that a tenant's pool was made of; any other pool is its own. */
export function unscopedPool(pool: Pool): Pool {
  return poolBehind.get(pool) ?? pool;
}

function scopedClient(client: pg.PoolClient, tenantId: string): pg.PoolClient {
  return new Proxy(client, {
    get(real, name) {
      if (name !== "query") return boundMember(real, name);
      return (query: string | Config, values?: unknown[]) => {
        const text = typeof query === "string" ? query : query.text;
        if (CONTROLS_TRANSACTION.test(text)) return real.query(text);
        return new Promise<pg.QueryResult>((resolve, reject) => {
          const scoped = new TenantQuery(tenantId, query, values);
          scoped.callback = (error, result) => (error ? reject(error) : resolve(result));
          real.query(scoped);
        });
      };
    },
  });
}

function boundMember(target: object, name: string | symbol): unknown {
  const member: unknown = Reflect.get(target, name, target);
  return typeof member === "function" ? (member.bind(target) as unknown) : member;
}
