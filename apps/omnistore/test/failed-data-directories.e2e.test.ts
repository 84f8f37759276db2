import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { failedStart, PASSWORD, start } from "./failed-start.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "omnistore-starts-"));
  // Root's Postgres runs under another account, which must be able to pass.
  chmodSync(folder, 0o755);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function fileIn(name: string): string {
  const file = join(folder, name);
  writeFileSync(file, "");
  return file;
}

/** As one looks that another version of PostgreSQL made; without a version, one of something else. */
function madeBy(version?: string): string {
  const home = join(folder, `made-by-${version}`);
  mkdirSync(join(home, "postgres"), { recursive: true });
  if (version !== undefined) {
    writeFileSync(join(home, "postgres", "PG_VERSION"), `${version}\n`);
    writeFileSync(join(home, "postgres", "omnistore-password"), PASSWORD);
  }
  return home;
}

const UNUSABLE: readonly (readonly [where: string, dataDir: () => string, words: RegExp])[] = [
  ["below /proc, where no folder can be made", () => "/proc/x", /\/proc\/x cannot be made/],
  ["that is a file", () => fileIn("file"), /is a file or lies below one, and a folder is needed/],
  ["below a file", () => join(fileIn("above"), "data"), /is a file or lies below one/],
  ["where nobody may write", () => "/sys/x", /\/sys\/x (cannot be written|is on a file system)/],
  ["of an older version", () => madeBy("17"), /made by PostgreSQL 17, .* brings 18: start/],
  ["of something else", () => madeBy(), /holds no data of OmniStore's PostgreSQL: move it/],
];

test.concurrent.for(UNUSABLE)(
  "a data directory %s is refused in plain words that name the setting",
  async ([, dataDir, words]) => {
    const said = await failedStart("omnistore", { OMNISTORE_DATA_DIR: dataDir() });
    expect(said).toMatch(words);
    expect(said).toContain("OMNISTORE_DATA_DIR");
  },
);

test("of two starts on one data directory the second one says who has it, and the first goes on", async () => {
  const dataDir = join(folder, "shared");
  const first = start("omnistore", { OMNISTORE_DATA_DIR: dataDir });
  await first.line("Applying migrations");
  expect(await failedStart("omnistore", { OMNISTORE_DATA_DIR: dataDir })).toMatch(
    new RegExp(`in use by another OmniStore, process ${first.pid}: stop that process, or`),
  );
  await first.line("OmniStore is ready");
  await first.end("SIGTERM");
});
