import { auditedByOperator } from "@omnistore/engine/audit/operator-change";
import { createCore, type EngineCore } from "@omnistore/engine/core";
import { rotateEncryptionKey } from "@omnistore/engine/tenant/rotate-encryption-key";
import { type Config, loadConfigOrExit } from "@omnistore/runtime/config";
import { createLogger } from "@omnistore/runtime/logger";
import { runService } from "@omnistore/runtime/run-service";

import { createDatabase } from "../database.ts";
import { createProgress, type Progress } from "../progress.ts";

export const rotateEncryptionKeyHelp = `Usage: omnistore rotate-encryption-key

Wraps the data key of every tenant by OMNISTORE_ENCRYPTION_KEY, and ends with 0 when no tenant needs another key.

  OMNISTORE_ENCRYPTION_KEY            the new key
  OMNISTORE_PREVIOUS_ENCRYPTION_KEY   the old key
  DATABASE_URL                        the database; else the PostgreSQL of its own in OMNISTORE_DATA_DIR

The services may go on meanwhile if each was started with both keys. It may be killed and run again at any time, and
changes nothing when a key is missing. The steps of a key change: docs/tenants.md
`;

const TELL_EVERY_MS = 1_000;

/** `omnistore rotate-encryption-key`. */
export async function rotateEncryptionKeyCommand(env: NodeJS.ProcessEnv): Promise<void> {
  const config = loadConfigOrExit(env, { logLevel: "warn" });
  if (!config.sealsContent) {
    refuse(
      "OMNISTORE_ENCRYPTION_KEY is missing: give the new key there, and the old one as OMNISTORE_PREVIOUS_ENCRYPTION_KEY",
    );
    return;
  }
  const logger = createLogger({ level: config.logLevel, name: "omnistore" });
  const progress = createProgress((text) => process.stdout.write(text));
  const database = createDatabase(config, progress);
  await runService(database, { logger, exitCodeWhenStopped: 1 });
  try {
    await rotate(config, database.url, progress);
  } catch (error) {
    refuse(error instanceof Error ? error.message : String(error));
  } finally {
    await database.stop();
  }
}

function refuse(problem: string): void {
  process.stderr.write(`The encryption key was not rotated: ${problem}\n`);
  process.exitCode = 1;
}

async function rotate(config: Config, databaseUrl: string, progress: Progress): Promise<void> {
  const core = createCore({ ...config, databaseUrl });
  const { currentId } = core.vault.masterKeys;
  // Each for itself: how far it is comes with every look, and would keep back that it waits.
  const [tellProgress, tellWaiting] = [teller(progress), teller(progress)];
  try {
    await core.start();
    const unreadable = await progress.step(`Rotating to encryption key ${currentId}`, () =>
      inAuditLog(core, () =>
        rotateEncryptionKey(core.pool, core.vault.masterKeys, {
          onProgress: ({ done, tenants }) =>
            tellProgress(`${done} of ${tenants} tenants`, done === tenants),
          onWaiting: (tenants) =>
            tellWaiting(`waiting for ${tenants} tenants that are being changed`),
          onUnreadable: (error) => progress.note(String(error)),
        }),
      ),
    );
    if (unreadable > 0) {
      throw new Error(
        `the keys of ${unreadable} tenants, named above, cannot be opened by any key`,
      );
    }
    progress.note(`every tenant needs encryption key ${currentId} only`);
  } finally {
    await core.stop();
  }
}

/** One that left tenants that it could not open is not done. */
function inAuditLog(core: EngineCore, work: () => Promise<number>): Promise<number> {
  const action = `omnistore rotate-encryption-key to ${core.vault.masterKeys.currentId}`;
  return auditedByOperator(core, action, work, (unreadable) =>
    unreadable === 0 ? "done" : "unknown",
  );
}

/** A person reads this: once a second is often enough, but the end is always told, once. */
function teller(progress: Progress): (text: string, isEnd?: boolean) => void {
  let [toldAtMs, told] = [-Infinity, ""];
  return (text, isEnd = false) => {
    if (text === told || (!isEnd && performance.now() - toldAtMs < TELL_EVERY_MS)) return;
    [toldAtMs, told] = [performance.now(), text];
    progress.note(text);
  };
}
