import { UnavailableError } from "@omnistore/domain/unavailable";

/**
 * Postgres is starting, stopping or full, or somebody else was in the way: SQLSTATE classes 08, 40,
 * 53, 57, a lock that was not to be had, a transaction that was idle too long.
 */
const UNREADY = /^(08|40|53|57|55P03|25P03)/;
/** What the network says, by Node's codes. */
const UNREACHABLE = /^(ECONN|ENOENT|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)/;
/** What the driver says without a code. */
const LOST =
  /connection terminated|timeout exceeded when trying to connect|connection ended|query read timeout/i;

/** True when the database could not be asked, which says nothing about what was asked. */
function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (LOST.test(error.message)) return true;
  // Drizzle wraps the driver's error in one of its own.
  if (error.cause !== undefined) return isUnavailable(error.cause);
  const code = "code" in error ? String(error.code) : "";
  return UNREADY.test(code) || UNREACHABLE.test(code);
}

/** Says `UnavailableError` where the database could not be asked; other errors pass as they are. */
export async function orUnavailable<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    if (!isUnavailable(error)) throw error;
    throw new UnavailableError("the database is unavailable", { cause: error });
  }
}
