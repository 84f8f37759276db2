import type { Logger } from "./logger.ts";
import { watchPackageManager } from "./package-manager.ts";
import type { Service } from "./service.ts";

const STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** One Ctrl-C may arrive twice, from the terminal and from the package manager: within this time it is one. */
const SAME_SIGNAL_MS = 1_000;

interface RunOptions {
  readonly logger: Logger;
  /** Called once, when the service is ready. */
  readonly onReady?: () => void;
  /** What a signal ends the process with: 0 for services, which end in no other way. */
  readonly exitCodeWhenStopped?: number;
}

/**
 * Runs a service as this process: starts it, stops it once on SIGINT, SIGTERM, SIGHUP or the end of the package
 * manager that started us, and exits with 0 or as told. A second signal exits with 1 at once; so does an error, after stopping.
 */
export async function runService(
  service: Service,
  { logger, onReady, exitCodeWhenStopped = 0 }: RunOptions,
): Promise<void> {
  let firstSignalAtMs: number | undefined;

  function stopAndExit(exitCode: number): void {
    service.stop().then(
      () => process.exit(exitCode),
      (error: unknown) => {
        logger.fatal({ err: error }, `${service.name} could not stop cleanly`);
        process.exit(1);
      },
    );
  }

  function onStopAsked(reason: string): void {
    const nowMs = performance.now();
    if (firstSignalAtMs !== undefined) {
      if (nowMs - firstSignalAtMs > SAME_SIGNAL_MS) process.exit(1);
      return;
    }
    firstSignalAtMs = nowMs;
    logger.info({ reason }, `${service.name} is stopping`);
    stopAndExit(exitCodeWhenStopped);
  }

  for (const signal of STOP_SIGNALS) process.on(signal, () => onStopAsked(signal));
  watchPackageManager(process.env, () =>
    onStopAsked("the package manager that started this process ended"),
  );
  process.on("uncaughtException", (error) => {
    logger.fatal({ err: error }, `${service.name} met an unexpected error`);
    stopAndExit(1);
  });

  try {
    await service.start();
  } catch (error) {
    // Asked to stop while starting: the stop above ends the process.
    if (firstSignalAtMs !== undefined) return;
    logger.debug({ err: error }, `${service.name} could not start`);
    process.stderr.write(`${service.name} could not start: ${messageOf(error)}\n`);
    process.exit(1);
  }
  if (firstSignalAtMs === undefined) onReady?.();
}

function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === "")
    return error.errors.map(messageOf).join("; ");
  return error instanceof Error ? error.message : String(error);
}
