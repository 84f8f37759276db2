import { pino } from "pino";
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
      redact: {
        paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]),
        censor: "[secret]",
      },
    },
    destination,
  );
}

/** Synchronous, so that the last words of a process that exits are not lost. */
function stderr(): DestinationStream {
  return pino.destination({ dest: 2, sync: true });
}
