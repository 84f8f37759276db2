import { ANYWHERE, publicOnly } from "@omnistore/domain/deliver/destination-policy";
import { startNameServer, type NameServer } from "@omnistore/testkit/name-server";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { HostCheck } from "./host-check.ts";

let names: NameServer;
beforeAll(async () => {
  names = await startNameServer();
});
afterAll(() => names.close());

function hostCheck(policy = publicOnly(), now?: () => number): HostCheck {
  return new HostCheck({ policy, resolver: names.resolver, ...(now === undefined ? {} : { now }) });
}

const asked = (name: string) => names.questions.filter((question) => question.endsWith(name));

describe("00 §3 a publisher is told at once of a host", () => {
  test.each([
    ["missing", "missing", "unable to resolve host: missing.check.test"],
    ["empty", [], "unable to resolve host: empty.check.test"],
    ["loopback", ["127.0.0.1"], "endpoint resolves to a loopback address: 127.0.0.1"],
    ["loopback6", ["::1"], "endpoint resolves to a loopback address: ::1"],
    ["private", ["10.0.0.1"], "endpoint resolves to a private address: 10.0.0.1"],
    ["mixed", ["8.8.8.8", "169.254.169.254"], "a private address: 169.254.169.254"],
  ] as const)("that is %s", async (name, answer, says) => {
    const host = `${name}.check.test`;
    names.reply(host, () => answer);
    await expect(hostCheck().problemOf(`https://${host}/x?y`)).resolves.toMatch(
      new RegExp(`^invalid destination url: .*${says}$`),
    );
  });
});

describe("a host is not held against its publisher", () => {
  test.each([
    ["public", ["8.8.8.8"]],
    ["public6", ["2606:4700::1111"]],
    ["broken", "broken"],
    ["silent", "silent"],
  ] as const)("when it is %s", async (name, answer) => {
    names.reply(`${name}.check.test`, () => answer);
    await expect(hostCheck().problemOf(`https://${name}.check.test/`)).resolves.toBeNull();
  });

  test("when one family of addresses does not exist and the other is not told", async () => {
    const { resolver } = names;
    names.reply("half.check.test", () => "broken");
    const ask4 = () => resolver.resolve4("half.check.test");
    const ask6 = () => resolver.resolve6("missing.check.test");
    for (const [resolve4, resolve6] of [
      [ask4, ask6],
      [ask6, ask4],
    ] as const) {
      const check = new HostCheck({ policy: publicOnly(), resolver: { resolve4, resolve6 } });
      await expect(check.problemOf("https://half.check.test/")).resolves.toBeNull();
    }
  });

  test("when the operator opened its network", async () => {
    names.reply("opened.check.test", () => ["10.1.2.3"]);
    const check = hostCheck(publicOnly({ openNetworks: ["10.1.0.0/16"] }));
    await expect(check.problemOf("http://opened.check.test/")).resolves.toBeNull();
  });
});

describe("nobody is asked", () => {
  test.each(["http://8.8.8.8/", "http://[2606:4700::1111]/", "http://localhost/"])(
    "for the known address of %s",
    async (url) => {
      const before = names.questions.length;
      await expect(hostCheck().problemOf(url)).resolves.toBeNull();
      expect(names.questions.length).toBe(before);
    },
  );

  test("in development, where a host may be anything", async () => {
    const check = hostCheck(ANYWHERE);
    await expect(check.problemOf("http://development.check.test/")).resolves.toBeNull();
    expect(asked("development.check.test")).toEqual([]);
  });
});

describe("an answer counts for a while", () => {
  test.each([
    ["good", ["8.8.8.8"], 60_000],
    ["bad", "missing", 5_000],
    ["none", "broken", 5_000],
  ] as const)("when it is %s", async (name, answer, forMs) => {
    const host = `${name}.cache.test`;
    names.reply(host, () => answer);
    let now = 1_000_000;
    const check = hostCheck(publicOnly(), () => now);
    const first = await check.problemOf(`http://${host}/1`);
    now += forMs - 1;
    await expect(check.problemOf(`http://${host}:8080/2`)).resolves.toBe(first);
    expect(asked(host)).toHaveLength(2);
    now += 1;
    await check.problemOf(`http://${host}/3`);
    expect(asked(host)).toHaveLength(4);
  });

  test("and is shared by all who wait for it", async () => {
    names.reply("shared.check.test", () => ["8.8.8.8"]);
    const check = hostCheck();
    await Promise.all(
      Array.from({ length: 50 }, () => check.problemOf("http://shared.check.test")),
    );
    expect(asked("shared.check.test")).toHaveLength(2);
  });
});

test("a name server that never answers is waited for a second, by however many", async () => {
  let questions = 0;
  const never = () => {
    questions += 1;
    return new Promise<never>(() => {});
  };
  const check = new HostCheck({
    policy: publicOnly(),
    resolver: { resolve4: never, resolve6: never },
  });
  const startedAt = performance.now();
  const urls = Array.from({ length: 1_000 }, (_, index) => `http://h${index}.check.test/`);
  const problems = await Promise.all(urls.map((url) => check.problemOf(url)));
  expect(new Set(problems)).toEqual(new Set([null]));
  expect(performance.now() - startedAt).toBeLessThan(3_000);
  expect(questions).toBe(2 * 256);
});
