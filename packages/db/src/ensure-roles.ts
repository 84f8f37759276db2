import { setTimeout as sleep } from "node:timers/promises";

import type pg from "pg";

import { InWords } from "./in-words.ts";
import { ROLES } from "./roles.ts";

/** Roles belong to the whole server: processes that start at once, on any of its databases, may collide. */
const ATTEMPTS = 20;
const PAUSE_MS = 50;
/** Somebody else made it, or granted it, a moment ago. */
const COLLISIONS = new Set(["42710", "23505", "XX000"]);

interface RoleState {
  readonly name: string;
  readonly exists: boolean;
  /** It could pass row-level security. */
  readonly bypasses: boolean;
  /** The login role may become it and, if it is the engine, sees what it sees. */
  readonly isOurs: boolean;
}

/**
 * Makes the two roles where they are missing and lets the login role become them. Throws, with the
 * statements that an operator has to run first, when the login role may not. Not inside a transaction.
 */
export async function ensureRoles(login: pg.Client): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ensureOnce(login);
    } catch (error) {
      if (attempt === ATTEMPTS || !isCollision(error)) throw error;
      await sleep(PAUSE_MS);
    }
  }
}

async function ensureOnce(login: pg.Client): Promise<void> {
  const states = await statesOf(login);
  const unsafe = states.find(({ bypasses }) => bypasses);
  if (unsafe !== undefined) {
    throw new InWords(
      `the database role "${unsafe.name}" could pass row-level security, and OmniStore runs as it: ` +
        `have a superuser run ALTER ROLE ${unsafe.name} NOSUPERUSER NOBYPASSRLS`,
    );
  }
  const statements = statementsFor(states, await currentUser(login));
  if (statements.length === 0) return;
  try {
    for (const statement of statements) await login.query(statement);
  } catch (cause) {
    if (!isDenied(cause)) throw cause;
    throw new InWords(
      "the role of DATABASE_URL may not set up the two roles that OmniStore's statements run as. " +
        `Have a superuser run this once, on the same server, and start again: ${statements.join("; ")};`,
      { cause },
    );
  }
}

/**
 * The login role inherits what the engine may see: row-level security is forced on the owner too, and
 * migrations and an older version that still runs must see all rows. It runs no statement of a request.
 */
function statementsFor(states: readonly RoleState[], user: string): readonly string[] {
  const made = states
    .filter(({ exists }) => !exists)
    .map(({ name }) => `CREATE ROLE ${name} NOLOGIN`);
  const granted = states
    .filter(({ isOurs }) => !isOurs)
    .map(
      ({ name }) =>
        `GRANT ${name} TO ${user} WITH SET TRUE, INHERIT ${name === ROLES.engine ? "TRUE" : "FALSE"}`,
    );
  return [...made, ...granted];
}

async function statesOf(login: pg.Client): Promise<readonly RoleState[]> {
  const { rows } = await login.query<RoleState>(
    `SELECT name, oid IS NOT NULL AS exists, coalesce(rolsuper OR rolbypassrls, false) AS bypasses,
       coalesce(pg_has_role(current_user, oid, 'SET')
         AND (name <> $2 OR pg_has_role(current_user, oid, 'USAGE')), false) AS "isOurs"
     FROM unnest($1::text[]) AS name LEFT JOIN pg_roles ON rolname = name ORDER BY name`,
    [Object.values(ROLES), ROLES.engine],
  );
  return rows;
}

/** As it is written in a statement. */
async function currentUser(login: pg.Client): Promise<string> {
  const { rows } = await login.query<{ name: string }>("SELECT quote_ident(current_user) AS name");
  const [row] = rows;
  if (row === undefined) throw new InWords("the database did not tell who we are");
  return row.name;
}

function isDenied(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "42501";
}

function isCollision(error: unknown): boolean {
  return (
    error instanceof Error &&
    "code" in error &&
    typeof error.code === "string" &&
    COLLISIONS.has(error.code)
  );
}
