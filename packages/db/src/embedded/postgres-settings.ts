/** Of the PostgreSQL that comes with OmniStore; data of another one cannot be opened by it. */
export const MAJOR_VERSION = "18";

/** The one role of the embedded PostgreSQL, and the name of its database. */
export const SUPERUSER = "omnistore";
export const DATABASE = "omnistore";

/** What the programs of PostgreSQL get to see: neither our secrets nor the user's PG* variables. */
export const PROGRAM_ENVIRONMENT: NodeJS.ProcessEnv = { LC_ALL: "C" };

const SETTINGS: Readonly<Record<string, string>> = {
  timezone: "UTC",
  log_timezone: "UTC",
  max_connections: "200",
  shared_buffers: "256MB",
  // An acknowledged message is on disk.
  fsync: "on",
  synchronous_commit: "on",
  // Checkpoints by time rather than by volume: after each one, the first change of a page is logged as a whole page.
  max_wal_size: "4GB",
  checkpoint_timeout: "15min",
  checkpoint_completion_target: "0.9",
  // A queue makes dead rows faster than most tables: they are cleared away after seconds, not after a minute.
  autovacuum_naptime: "5s",
  // Our statements are short and many: compiling them costs more than it saves.
  jit: "off",
};

/** For databases that are thrown away: nothing survives a crash of the machine. */
const THROW_AWAY: Readonly<Record<string, string>> = {
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
};

/** The command line that starts the server on this directory, listening at this address only. */
export function serverOptions(
  dataDirectory: string,
  isDurable: boolean,
  address: Readonly<Record<string, string>>,
): readonly string[] {
  const settings = { ...SETTINGS, ...(isDurable ? {} : THROW_AWAY), ...address };
  return [
    "-D",
    dataDirectory,
    ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
  ];
}
