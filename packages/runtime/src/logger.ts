import { pino, stdSerializers } from "pino";
import type { DestinationStream, Logger as PinoLogger } from "pino";

export type Logger = PinoLogger;

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Fields whose values never reach a log, wherever they stand in the first three levels of an entry. */
const SECRET_FIELDS = [
  "authorization",
  "Authorization",
  "password",
  "token",
  "tokens",
  "adminToken",
  "encryptionKey",
  "previousEncryptionKey",
  "dataKey",
  "signingKey",
  "signingKeys",
  "currentSigningKey",
  "nextSigningKey",
  "databaseUrl",
];

interface LoggerOptions {
  readonly level: LogLevel;
  /** Which process or part speaks. */
  readonly name: string;
  /** What an error under `err` means to an operator, where that is known: it is logged as `reason`. */
  readonly reasonOf?: (error: unknown) => string | undefined;
}

/** A logger that writes one JSON object per line to standard error, with secrets replaced by "[secret]". */
export function createLogger(
  { level, name, reasonOf }: LoggerOptions,
  destination: DestinationStream = stderr(),
): Logger {
  return pino(
    {
      level,
      name,
      formatters: {
        log(entry) {
          const reason = entry["err"] === undefined ? undefined : reasonOf?.(entry["err"]);
          return reason === undefined ? entry : { ...entry, reason };
        },
      },
      serializers: { err: (error: unknown) => stdSerializers.err(asError(withoutValues(error))) },
      redact: {
        paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]),
        censor: "[secret]",
      },
    },
    destination,
  );
}

/**
 * The same error, and below it what a failed statement came to in the place of the statement with its values: those
 * are what users sent, and what opens doors.
 */
function withoutValues(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if ("params" in error) return withoutValues(error.cause);
  if (error.cause === undefined) return error;
  const copy: unknown = Object.create(error, {
    cause: { value: withoutValues(error.cause), enumerable: false },
    message: { value: error.message },
    stack: { value: error.stack },
  });
  return copy;
}

/** What was thrown without being an error is logged by its text. */
function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** Synchronous, so that the last words of a process that exits are not lost. */
function stderr(): DestinationStream {
  return pino.destination({ dest: 2, sync: true });
}
