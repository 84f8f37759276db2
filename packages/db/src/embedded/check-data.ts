import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { dataVersionProblem } from "@omnistore/domain/start/data-directory-problem";

import { PASSWORD_FILE } from "./initialise.ts";
import { MAJOR_VERSION } from "./postgres-settings.ts";

/** Throws, in words, when what is in the data directory is not for the PostgreSQL that comes with this version. */
export function checkData(dataDirectory: string): void {
  if (!existsSync(dataDirectory)) return;
  const version = read(join(dataDirectory, "PG_VERSION"))?.trim();
  const isOurs = read(join(dataDirectory, PASSWORD_FILE)) !== undefined;
  const problem = dataVersionProblem(dataDirectory, isOurs ? version : undefined, MAJOR_VERSION);
  if (problem !== null) throw new Error(problem);
}

/** Undefined when there is no such file. */
function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
