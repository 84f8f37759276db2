import { HOSTILE_DESTINATIONS } from "@omnistore/testkit/hostile-destinations";
import { describe, expect, test } from "vitest";
import { ANYWHERE, judgeAddress, publicOnly } from "./destination-policy.ts";
import { destinationProblem } from "./destination.ts";

describe("public destinations only", () => {
  test.each(HOSTILE_DESTINATIONS)("%j is refused", ({ url, says }) => {
    const problem = destinationProblem(url, publicOnly());
    expect(problem).toMatch(/^invalid destination url: /);
    expect(problem).toContain(says);
    expect(problem?.length).toBeLessThan(400);
    expect(problem).not.toMatch(/\p{Cc}|secret/u);
  });

  test("there are at least 150 of them, each once", () => {
    const urls = new Set(HOSTILE_DESTINATIONS.map(({ url }) => url));
    expect(urls.size).toBe(HOSTILE_DESTINATIONS.length);
    expect(urls.size).toBeGreaterThanOrEqual(150);
  });

  test.each([
    "https://public.example/",
    "https://public.example./x",
    "https://8.8.8.8/",
    "http://9.255.255.255:8080/",
    "http://11.0.0.0/",
    "http://100.63.255.255/",
    "http://100.128.0.0/",
    "http://172.15.255.255/",
    "http://172.32.0.0/",
    "http://192.167.255.255/",
    "http://223.255.255.255/",
    "https://[2606:4700:4700::1111]/",
    "https://[2a00:1450:4001:82a::200e]:8443/",
    "https://localhost.example/",
    "https://notlocalhost/",
    "https://internal.example/",
    "https://127.0.0.1.nip.io/",
    "https://public.example/http://127.0.0.1/?u=user@host",
  ])("%s is not", (url) => {
    expect(destinationProblem(url, publicOnly())).toBeNull();
  });

  test("development reaches whatever can be written", () => {
    for (const url of ["http://127.0.0.1:9/", "http://localhost:22/", "http://a.internal/"]) {
      expect(destinationProblem(url, ANYWHERE)).toBeNull();
    }
    expect(destinationProblem("http://u@localhost/", ANYWHERE)).toContain("user name");
  });
});

describe("what an operator opened", () => {
  const policy = publicOnly({ openNetworks: ["10.1.0.0/16", "fd12::/32", "127.0.0.1/32"] });

  test.each([
    ["10.1.0.0", "public"],
    ["10.1.255.255", "public"],
    ["10.0.255.255", "private"],
    ["10.2.0.0", "private"],
    ["fd12::1", "public"],
    ["fd12:1::1", "private"],
    ["127.0.0.1", "public"],
    ["127.0.0.2", "loopback"],
    ["::1", "loopback"],
    ["::ffff:10.1.0.1", "private"],
    ["8.8.8.8", "public"],
  ])("is open to the address: %s is %s", (ip, kind) => {
    expect(judgeAddress(ip, policy).kind).toBe(kind);
  });

  test("makes private names worth asking for, and no port of another service", () => {
    expect(destinationProblem("http://billing.internal/", policy)).toBeNull();
    expect(destinationProblem("http://localhost:3000/", policy)).toBeNull();
    expect(destinationProblem("http://10.1.0.1:6379/", policy)).toContain("blocked port: 6379");
    expect(destinationProblem("http://10.9.0.1/", policy)).toContain("private address: 10.9.0.1");
  });

  test.each([
    [["169.254.0.0/16"], "169.254.169.254", "private"],
    [["169.254.0.0/16"], "169.254.1.1", "public"],
    [["169.254.169.254/32"], "169.254.169.254", "public"],
    [["0.0.0.0/1", "128.0.0.0/1"], "100.100.100.200", "private"],
    [["fd00::/8"], "fd00:ec2::254", "private"],
    [["fd00::/8"], "fd00:0ec2:0000:0000:0000:0000:0000:0254", "private"],
    [["fd00:ec2::254/128"], "fd00:ec2::254", "public"],
  ])("%j leaves %s %s: secrets of the cloud are opened one by one", (openNetworks, ip, kind) => {
    expect(judgeAddress(ip, publicOnly({ openNetworks })).kind).toBe(kind);
  });

  test.each(["10.0.0.1", "10.0.0.0/33", "fd00::/129", "office", ""])("%j is no network", (text) => {
    expect(() => publicOnly({ openNetworks: [text] })).toThrow("CIDR");
  });
});

describe("our own API", () => {
  const policy = publicOnly({
    ownUrl: "https://Queue.example.:8443/base",
    ownAddresses: ["8.8.8.8", "2606:4700:0:0::1"],
  });

  test.each([
    "https://queue.example/v2/publish/https://queue.example",
    "http://QUEUE.example.:8080/",
    "https://queue%2eexample/",
  ])("%s is refused by its name, at any port", (url) => {
    expect(destinationProblem(url, policy)).toBe(
      "invalid destination url: endpoint is this API itself: queue.example",
    );
  });

  test("and by an address of this machine, unless that was opened", () => {
    expect(destinationProblem("http://8.8.8.8/", policy)).toContain("private address: 8.8.8.8");
    expect(destinationProblem("http://[2606:4700::1]/", policy)).toContain("2606:4700::1");
    expect(destinationProblem("http://8.8.4.4/", policy)).toBeNull();
    const opened = publicOnly({ ownAddresses: ["8.8.8.8"], openNetworks: ["8.8.8.8/32"] });
    expect(destinationProblem("http://8.8.8.8/", opened)).toBeNull();
  });

  test("and by every spelling and name of the address, where clients find it by one", () => {
    const byAddress = publicOnly({ ownUrl: "https://[2606:4700::0001]:8443" });
    expect(judgeAddress("2606:4700:0:0:0:0:0:1", byAddress).kind).toBe("private");
    expect(judgeAddress("2606:4700::2", byAddress).kind).toBe("public");
    const url = "http://134744072/v2/publish/https://a.example";
    expect(destinationProblem(url, publicOnly({ ownUrl: "http://8.8.8.8" }))).toContain("8.8.8.8");
  });

  test("its neighbours are others", () => {
    expect(destinationProblem("https://a.queue.example/", policy)).toBeNull();
  });
});
