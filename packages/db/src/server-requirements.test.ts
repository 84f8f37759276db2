import { describe, expect, test } from "vitest";

import { requirementMissed } from "./server-requirements.ts";

const sound = { versionNumber: 180_000, encoding: "UTF8", database: "omnistore" };

describe("requirementMissed", () => {
  test.each([
    [90_624, "9.6.24"],
    [100_000, "10.0"],
    [140_013, "14.13"],
    [150_008, "15.8"],
    [159_999, "15.9999"],
  ])("refuses server_version_num %i and names it %s", (versionNumber, name) => {
    const words = requirementMissed({ ...sound, versionNumber });
    expect(words).toContain(`PostgreSQL ${name}, and OmniStore needs 16 or later`);
    expect(words).toContain("upgrade the server, or leave DATABASE_URL out");
  });

  test.each([160_000, 160_004, 170_002, 180_000, 190_000])(
    "accepts server_version_num %i",
    (versionNumber) => expect(requirementMissed({ ...sound, versionNumber })).toBeNull(),
  );

  test.each(["LATIN1", "SQL_ASCII", "EUC_JP", "WIN1252"])(
    "refuses a database in %s and says how to make one that will do",
    (encoding) => {
      const words = requirementMissed({ ...sound, encoding });
      expect(words).toContain(`the database "omnistore" has the encoding ${encoding}`);
      expect(words).toContain("ENCODING 'UTF8' TEMPLATE template0");
    },
  );
});
