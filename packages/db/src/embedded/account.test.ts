import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { canReach, findAccount } from "./account.ts";

describe("findAccount", () => {
  const passwd =
    "root:x:0:0:root:/root:/bin/bash\nadmin:x:0:0::/:/bin/sh\npostgres:x:101:104:,,,:/var:/bin/bash\nhalf:x:\n";

  test("reads the numbers of an account", () => {
    expect(findAccount(passwd, "postgres")).toEqual({ uid: 101, gid: 104 });
  });

  test.each(["nobody", "post", "admin", "half"])(
    "finds no account to run Postgres in %s",
    (name) => {
      expect(findAccount(passwd, name)).toBeUndefined();
    },
  );
});

describe("canReach", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "reach-"));
    mkdirSync(join(folder, "inner"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test("needs every folder on the way to let the account pass", () => {
    const stranger = { uid: 4_000_000, gid: 4_000_000 };
    chmodSync(folder, 0o755);
    expect(canReach(join(folder, "inner"), stranger)).toBe(true);
    chmodSync(folder, 0o700);
    expect(canReach(join(folder, "inner"), stranger)).toBe(false);
    expect(canReach(join(folder, "inner"), { uid: process.getuid?.() ?? 0, gid: 0 })).toBe(true);
  });
});
