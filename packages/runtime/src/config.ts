import type { LogLevel } from "./logger.ts";
import { aboutSettings, settings } from "./settings.ts";

export type Mode = "dev" | "hosted";

/** The settings of one process, complete and checked. */
export interface Config {
  readonly mode: Mode;
  readonly port: number;
  readonly host: string;
  readonly databaseUrl?: string;
  readonly dataDir: string;
  readonly adminToken?: string;
  readonly encryptionKey: Buffer;
  /** Read with, while the key is changed. */
  readonly previousEncryptionKey?: Buffer;
  /** Whether what tenants send is encrypted at rest: wherever a key was given. */
  readonly sealsContent: boolean;
  readonly region: string;
  readonly logLevel: LogLevel;
  readonly leaseMs: number;
  /** In CIDR notation. */
  readonly allowNetworks: readonly string[];
  /** `address` or `address:port`; none for those of this machine. */
  readonly nameServers: readonly string[];
  readonly egressProxy?: URL;
  /** Where clients find the API. */
  readonly publicUrl?: string;
}

/** Says everything that is wrong with the settings at once, and how to put it right. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(
      `the settings are not usable:\n${problems.map((problem) => `  - ${problem}`).join("\n")}`,
    );
    this.problems = problems;
  }
}

/** Encrypts in dev mode when no key is given, so that data survive a restart. Public on purpose: it protects nothing. */
const DEV_ENCRYPTION_KEY = Buffer.from("omnistore development key, 32 b.");

/** A guessed token of this length is out of reach. */
const ADMIN_TOKEN_MIN_LENGTH = 32;

const HOW_TO_MAKE = "make one with: openssl rand -base64 32";

type Settings = ReturnType<typeof settings.parse>;

interface Defaults {
  readonly logLevel?: LogLevel;
}

/**
 * Reads the settings from environment variables.
 *
 * @throws ConfigError listing every problem: name, offending value (never of a secret), how to fix it.
 */
export function loadConfig(env: NodeJS.ProcessEnv, defaults: Defaults = {}): Config {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ""),
  );
  const parsed = settings.safeParse(given);
  const wrongNames = new Set(parsed.error?.issues.map((issue) => String(issue.path[0])));
  const problems = [...wrongNames].map((name) => wrongValue(name, given[name]));
  if (given["OMNISTORE_MODE"] === "hosted") problems.push(...missingSecrets(given));
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems);
  return toConfig(parsed.data, defaults);
}

/** For the first line of a process: like `loadConfig`, but an error is printed without a stack and ends the process. */
export function loadConfigOrExit(env: NodeJS.ProcessEnv, defaults: Defaults = {}): Config {
  return orExit(() => loadConfig(env, defaults));
}

/** As `loadConfigOrExit`, for a process that brings no database of its own. */
export function loadServiceConfigOrExit(
  env: NodeJS.ProcessEnv,
): Config & { readonly databaseUrl: string } {
  return orExit(() => {
    const { databaseUrl, ...config } = loadConfig(env);
    if (databaseUrl === undefined) {
      throw new ConfigError([
        "DATABASE_URL is missing: a service that runs alone needs the database it shares with the others",
      ]);
    }
    return { ...config, databaseUrl };
  });
}

function orExit<Result>(load: () => Result): Result {
  try {
    return load();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`OmniStore cannot start: ${error.message}\n`);
    process.exit(1);
  }
}

function wrongValue(name: string, value: string | undefined): string {
  const schema = Object.entries(settings.shape).find(([key]) => key === name)?.[1];
  const about = schema && aboutSettings.get(schema);
  const shown = about?.isSecret
    ? "the given value (not shown: it is a secret)"
    : JSON.stringify(value);
  return `${name} must be ${about?.mustBe}, not ${shown}`;
}

/** What hosted mode asks for beyond the schema. A key that is not a key at all is the schema's to report. */
function missingSecrets(given: Readonly<Record<string, string | undefined>>): readonly string[] {
  const problems: string[] = [];
  const token = given["OMNISTORE_ADMIN_TOKEN"];
  if (token === undefined) {
    problems.push(`OMNISTORE_ADMIN_TOKEN is missing: hosted mode needs it; ${HOW_TO_MAKE}`);
  } else if (token.length < ADMIN_TOKEN_MIN_LENGTH) {
    problems.push(
      `OMNISTORE_ADMIN_TOKEN must have at least ${ADMIN_TOKEN_MIN_LENGTH} characters, not ${token.length}; ${HOW_TO_MAKE}`,
    );
  }
  const key = given["OMNISTORE_ENCRYPTION_KEY"];
  if (key === undefined) {
    problems.push(
      `OMNISTORE_ENCRYPTION_KEY is missing: hosted mode needs 32 bytes in base64; ${HOW_TO_MAKE}`,
    );
  } else if (Buffer.from(key, "base64").equals(DEV_ENCRYPTION_KEY)) {
    problems.push(
      `OMNISTORE_ENCRYPTION_KEY must not be the public development key; ${HOW_TO_MAKE}`,
    );
  }
  return problems;
}

function toConfig(given: Settings, defaults: Defaults): Config {
  return {
    mode: given.OMNISTORE_MODE,
    port: given.PORT,
    host: given.HOST ?? (given.OMNISTORE_MODE === "dev" ? "127.0.0.1" : "0.0.0.0"),
    ...(given.DATABASE_URL !== undefined && { databaseUrl: given.DATABASE_URL }),
    dataDir: given.OMNISTORE_DATA_DIR,
    ...(given.OMNISTORE_ADMIN_TOKEN !== undefined && { adminToken: given.OMNISTORE_ADMIN_TOKEN }),
    encryptionKey: given.OMNISTORE_ENCRYPTION_KEY ?? DEV_ENCRYPTION_KEY,
    ...(given.OMNISTORE_PREVIOUS_ENCRYPTION_KEY !== undefined && {
      previousEncryptionKey: given.OMNISTORE_PREVIOUS_ENCRYPTION_KEY,
    }),
    sealsContent: given.OMNISTORE_ENCRYPTION_KEY !== undefined,
    region: given.OMNISTORE_REGION,
    logLevel: given.LOG_LEVEL ?? defaults.logLevel ?? "info",
    leaseMs: Math.round(given.OMNISTORE_LEASE_SECONDS * 1_000),
    allowNetworks: given.OMNISTORE_ALLOW_NETWORKS,
    nameServers: given.OMNISTORE_NAME_SERVERS,
    ...(given.OMNISTORE_EGRESS_PROXY !== undefined && {
      egressProxy: new URL(given.OMNISTORE_EGRESS_PROXY),
    }),
    ...(given.OMNISTORE_PUBLIC_URL !== undefined && { publicUrl: given.OMNISTORE_PUBLIC_URL }),
  };
}
