import { describe, expect, test } from "vitest";

import { banner } from "./banner.ts";

describe("banner", () => {
  test("in dev mode holds all four variables of the SDK and a curl that goes to this server", () => {
    const text = banner({ mode: "dev", host: "127.0.0.1" }, 8123);
    for (const name of ["QSTASH_TOKEN", "QSTASH_CURRENT_SIGNING_KEY", "QSTASH_NEXT_SIGNING_KEY"]) {
      expect(text).toMatch(new RegExp(`^export ${name}="[^"]+"$`, "m"));
    }
    expect(text).toContain('export QSTASH_URL="http://127.0.0.1:8123"');
    expect(text).toContain('"http://127.0.0.1:8123/v2/publish/http://127.0.0.1:8123/echo"');
  });

  test("in hosted mode shows no credentials, but how to get some", () => {
    const text = banner({ mode: "hosted", host: "0.0.0.0" }, 80);
    expect(text).not.toMatch(/sig_|eyJ/);
    expect(text).toContain('curl -sS -X POST "http://127.0.0.1:80/admin/v1/tenants"');
  });

  test("writes an IPv6 address as a URL wants it", () => {
    expect(banner({ mode: "dev", host: "::1" }, 1)).toContain("http://[::1]:1");
  });
});
