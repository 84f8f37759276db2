import { describe, expect, it } from "vitest";

import { quote } from "./quote.ts";

describe("a quote of a request", () => {
  it("shows what was sent, with what a terminal would obey escaped", () => {
    expect(quote('a"\u0000\u009b\u2028')).toBe('"a\\"\\u0000\\u009b\\u2028"');
    expect(quote("x".repeat(201))).toBe(`"${"x".repeat(200)}…"`);
  });

  it("shows no token, wherever it stands and however it is escaped", () => {
    const secret = "omnistore_0123456789abcdefghijABCDEFGHIJ-_0123456789a";
    const token = Buffer.from(JSON.stringify({ UserID: "u", Password: secret })).toString("base64");
    for (const text of [
      `/v2/keys?qstash%5Ftoken=${token}`,
      `Authorization Bearer ${encodeURIComponent(token)}`,
      `${"x".repeat(190)}${token}`,
      `"${secret}"`,
    ]) {
      const shown = quote(text);
      expect(shown).not.toContain(token.slice(0, 20));
      expect(shown).not.toContain(secret.slice(0, 26));
    }
  });
});
