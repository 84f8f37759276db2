import { describe, expect, test } from "vitest";
import { ConfigError, loadConfig } from "./config.ts";

const KEY = Buffer.alloc(32, 7).toString("base64");
const TOKEN = "an-admin-token-of-32-characters!";

function problemsOf(env: NodeJS.ProcessEnv): readonly string[] {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  throw new Error("these settings were accepted");
}

describe("defaults", () => {
  test("nothing needs to be set for development", () => {
    expect(loadConfig({})).toMatchObject({
      mode: "dev",
      host: "127.0.0.1",
      port: 8080,
      dataDir: ".omnistore",
      region: "EU-CENTRAL-1",
      logLevel: "info",
      leaseMs: 10_000,
    });
    expect(loadConfig({})).not.toHaveProperty("databaseUrl");
    expect(loadConfig({}).encryptionKey).toHaveLength(32);
  });

  test("an empty variable counts as absent", () => {
    expect(loadConfig({ PORT: "", HOST: "", LOG_LEVEL: "" })).toEqual(loadConfig({}));
  });

  test("hosted mode listens on every interface unless told otherwise", () => {
    const hosted = {
      OMNISTORE_MODE: "hosted",
      OMNISTORE_ADMIN_TOKEN: TOKEN,
      OMNISTORE_ENCRYPTION_KEY: KEY,
    };
    expect(loadConfig(hosted)).toMatchObject({
      mode: "hosted",
      host: "0.0.0.0",
      adminToken: TOKEN,
    });
    expect(loadConfig({ ...hosted, HOST: "10.0.0.1" }).host).toBe("10.0.0.1");
    expect(loadConfig(hosted).encryptionKey).toEqual(Buffer.alloc(32, 7));
  });

  test("an app may choose its own log level, which the environment overrides", () => {
    expect(loadConfig({}, { logLevel: "warn" }).logLevel).toBe("warn");
    expect(loadConfig({ LOG_LEVEL: "debug" }, { logLevel: "warn" }).logLevel).toBe("debug");
  });
});

describe("problems", () => {
  test("all of them are listed at once, each with name and value", () => {
    expect(
      problemsOf({ PORT: "eighty", OMNISTORE_REGION: "moon", OMNISTORE_MODE: "hosted" }),
    ).toEqual([
      'PORT must be a whole number from 0 to 65535, not "eighty"',
      'OMNISTORE_REGION must be a region name such as EU-CENTRAL-1, not "moon"',
      expect.stringContaining("OMNISTORE_ADMIN_TOKEN is missing"),
      expect.stringContaining("OMNISTORE_ENCRYPTION_KEY is missing"),
    ]);
  });

  test.each([
    ["PORT", "65536"],
    ["PORT", "-1"],
    ["PORT", "80.5"],
    ["OMNISTORE_MODE", "production"],
    ["LOG_LEVEL", "loud"],
    ["OMNISTORE_LEASE_SECONDS", "0"],
    ["OMNISTORE_LEASE_SECONDS", "10s"],
  ])("%s refuses %s and shows it", (name, value) => {
    expect(problemsOf({ [name]: value })).toEqual([
      expect.stringMatching(new RegExp(`^${name} must be .*"${value}"$`)),
    ]);
  });

  test.each([
    ["DATABASE_URL", "mysql://user:hunter2hunter2@host/db"],
    ["OMNISTORE_ENCRYPTION_KEY", "hunter2hunter2"],
    ["OMNISTORE_ENCRYPTION_KEY", Buffer.alloc(31).toString("base64")],
  ])("the value of the secret %s is never shown", (name, value) => {
    const [problem] = problemsOf({ [name]: value });
    expect(problem).toContain(name);
    expect(problem).not.toContain(value);
  });

  test("hosted mode refuses a short admin token and the public development key, and says how to make others", () => {
    const problems = problemsOf({
      OMNISTORE_MODE: "hosted",
      OMNISTORE_ADMIN_TOKEN: TOKEN.slice(1),
      OMNISTORE_ENCRYPTION_KEY: loadConfig({}).encryptionKey.toString("base64"),
    });
    expect(problems).toEqual([
      expect.stringMatching(
        /OMNISTORE_ADMIN_TOKEN .* 32 characters, not 31; .*openssl rand -base64 32/,
      ),
      expect.stringMatching(
        /OMNISTORE_ENCRYPTION_KEY .* development key; .*openssl rand -base64 32/,
      ),
    ]);
  });
});
