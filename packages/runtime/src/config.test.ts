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

  test("destinations are opened by a list of networks, and proxied by a URL", () => {
    expect(loadConfig({}).allowNetworks).toEqual([]);
    const given = loadConfig({
      OMNISTORE_ALLOW_NETWORKS: "10.1.0.0/16, 192.168.7.9/32,fd12:3456::/32",
      OMNISTORE_EGRESS_PROXY: "http://user:secret@proxy:3128/",
      OMNISTORE_PUBLIC_URL: "https://queue.example.com",
    });
    expect(given.allowNetworks).toEqual(["10.1.0.0/16", "192.168.7.9/32", "fd12:3456::/32"]);
    expect(given.egressProxy).toEqual(new URL("http://user:secret@proxy:3128/"));
    expect(given.publicUrl).toBe("https://queue.example.com");
  });

  test("name servers are a list of addresses, with ports or without", () => {
    expect(loadConfig({}).nameServers).toEqual([]);
    const list = "10.0.0.2, 10.0.0.3:5353,[fd12::2]:53,fd12::3";
    expect(loadConfig({ OMNISTORE_NAME_SERVERS: list }).nameServers).toEqual([
      "10.0.0.2",
      "10.0.0.3:5353",
      "[fd12::2]:53",
      "fd12::3",
    ]);
    for (const bad of ["ns.example", "10.0.0.2:0", "10.0.0.2:65536", "[10.0.0.2]:53", ","]) {
      expect(() => loadConfig({ OMNISTORE_NAME_SERVERS: bad })).toThrow("OMNISTORE_NAME_SERVERS");
    }
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
    ["OMNISTORE_PUBLIC_URL", "queue.example.com"],
    ["OMNISTORE_PUBLIC_URL", "ftp://queue.example.com"],
    ["OMNISTORE_ALLOW_NETWORKS", "10.1.0.0"],
    ["OMNISTORE_ALLOW_NETWORKS", "10.1.2.3/16"],
    ["OMNISTORE_ALLOW_NETWORKS", "0.0.0.0/0"],
    ["OMNISTORE_ALLOW_NETWORKS", "::/0"],
    ["OMNISTORE_ALLOW_NETWORKS", "10.1.0.0/33"],
    ["OMNISTORE_ALLOW_NETWORKS", "10.1.0.0/16,"],
    ["OMNISTORE_ALLOW_NETWORKS", "10.1.0.0/16 10.2.0.0/16"],
    ["OMNISTORE_ALLOW_NETWORKS", "fd12::1/32"],
    ["OMNISTORE_ALLOW_NETWORKS", "office"],
  ])("%s refuses %s and shows it", (name, value) => {
    expect(problemsOf({ [name]: value })).toEqual([
      expect.stringMatching(new RegExp(`^${name} must be .*"${value}"$`)),
    ]);
  });

  test.each([
    ["DATABASE_URL", "mysql://user:hunter2hunter2@host/db"],
    ["OMNISTORE_ENCRYPTION_KEY", "hunter2hunter2"],
    ["OMNISTORE_ENCRYPTION_KEY", Buffer.alloc(31).toString("base64")],
    ["OMNISTORE_EGRESS_PROXY", "socks5://user:hunter2@proxy:1080"],
    ["OMNISTORE_EGRESS_PROXY", "http://user:hunter2@proxy:3128/path"],
    ["OMNISTORE_EGRESS_PROXY", "proxy:3128"],
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
