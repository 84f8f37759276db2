import { setTimeout as sleep } from "node:timers/promises";

import pg from "pg";

import { inWords } from "./in-words.ts";

/** A server that is restarted is back within seconds, one whose machine boots within a minute. */
const WAIT_LIMIT_MS = 60_000;
const LOOK_EVERY_MS = 250;
const ANSWER_LIMIT_MS = 5_000;

/**
 * The server is not there yet, or not yet ready: worth another look. Whatever else it says (a wrong
 * password, an unknown database) waiting does not mend. Node's codes are of its sockets and of DNS,
 * 57P03 is "the database system is starting up" or shutting down, 57P01 and 57P02 end a session in
 * that, 53300 is "too many clients": those of a killed server's processes may still be ending.
 */
const PASSING = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ENOENT",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "EAI_AGAIN",
  "57P01",
  "57P02",
  "57P03",
  "53300",
]);

export interface AwaitDatabaseOptions {
  readonly databaseUrl: string;
  /** Told once, when there is something to wait for, for what, in words. */
  readonly onWaiting: (reason: string) => void;
  /** Longest wait in milliseconds; a minute when absent. */
  readonly limitMs?: number;
}

/**
 * Returns when the database accepts connections, or when waiting is no use: whoever connects next is
 * told the reason. A process that ended instead would be started again and again by its supervisor,
 * at the cost of a start each, beside a server that needs the machine to recover, and would come back
 * as late as the supervisor's patience has it.
 */
export async function awaitDatabase({
  databaseUrl,
  onWaiting,
  limitMs = WAIT_LIMIT_MS,
}: AwaitDatabaseOptions): Promise<void> {
  const deadline = performance.now() + limitMs;
  let hasTold = false;
  for (;;) {
    const failure = await tryToConnect(databaseUrl);
    if (failure === null || !isPassing(failure) || performance.now() >= deadline) return;
    if (!hasTold) onWaiting(inWords(failure, databaseUrl).message);
    hasTold = true;
    await sleep(LOOK_EVERY_MS);
  }
}

/** Null when the server let us in. */
async function tryToConnect(connectionString: string): Promise<Error | null> {
  let client: pg.Client | undefined;
  try {
    client = new pg.Client({ connectionString, connectionTimeoutMillis: ANSWER_LIMIT_MS });
    // One that ends while it is being closed has nobody else to tell.
    client.on("error", () => undefined);
    await client.connect();
    return null;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  } finally {
    await client?.end().catch(() => undefined);
  }
}

/** Several addresses that were tried (IPv4 and IPv6) fail as one error that holds them all. */
function isPassing(error: unknown): boolean {
  if (error instanceof AggregateError && error.errors.length > 0)
    return error.errors.some(isPassing);
  if (!(error instanceof Error)) return false;
  // A certificate that DATABASE_URL names is not there, as a socket may be tomorrow.
  if ("syscall" in error && error.syscall === "open") return false;
  if ("code" in error && typeof error.code === "string") return PASSING.has(error.code);
  // The driver's own errors carry no code: the other side hung up, or said nothing.
  return /^(Connection terminated|timeout expired)/.test(error.message);
}
