import {
  connectionUrlProblem,
  databaseProblem,
  databaseShortage,
  type DatabaseTarget,
} from "@omnistore/domain/start/database-problem";
import { rootMessage } from "@omnistore/domain/start/error-code";
import pg from "pg";

/** Its message tells whoever started the process what is wrong and what to do. */
export class InWords extends Error {
  override readonly name = "InWords";
}

/**
 * The same error for whoever started the process: what is wrong with the database of this URL, and what to do. Never
 * the password, nor a statement.
 */
export function inWords(error: unknown, databaseUrl: string): InWords {
  if (error instanceof InWords) return error;
  let target: DatabaseTarget;
  try {
    target = targetOf(databaseUrl);
  } catch (unreadable) {
    const problem = connectionUrlProblem(unreadable);
    return new InWords(problem, { cause: unreadable });
  }
  return new InWords(databaseProblem(error, target) ?? rootMessage(error), { cause: error });
}

/** What the database is short of and what to do about it, for the log of a process that runs; undefined for other errors. */
export function shortageInWords(error: unknown): string | undefined {
  return databaseShortage(error);
}

/** As the driver reads it, its defaults and the PG* variables among it. */
function targetOf(databaseUrl: string): DatabaseTarget {
  const { host, port, user, database } = new pg.Client({ connectionString: databaseUrl });
  return { host, port, user: user ?? "", database: database ?? "" };
}
