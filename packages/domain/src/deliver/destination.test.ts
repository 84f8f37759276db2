import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseDestination } from "./destination.ts";

const PREFIX = "invalid destination url: ";
const EMPTY = `${PREFIX}endpoint has invalid scheme, add http:// or https:// (it is empty)`;
const NO_SCHEME = `${PREFIX}endpoint has invalid scheme, add http:// or https://`;

function reason(raw: string): string {
  const parsed = parseDestination(raw);
  if (parsed.kind === "url") throw new Error(`${raw} was accepted`);
  return parsed.reason;
}

describe("01 §2 parseDestination", () => {
  test.each([
    ["https://example.com", "https://example.com/"],
    ["HTTP://Example.com:80/A%2fb?x=1&y=%20#f", "http://example.com/A%2fb?x=1&y=%20#f"],
    ["https://example.com/?re=\\d", "https://example.com/?re=\\d"],
    ["https://example.com?to=a@b", "https://example.com/?to=a@b"],
    ["http://[::1]:8080/x", "http://[::1]:8080/x"],
    ["https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"],
  ])("accepts %s", (raw, href) => {
    const parsed = parseDestination(raw);
    expect(parsed.kind === "url" && parsed.url.href).toBe(href);
  });

  test("says of nothing that it is nothing", () => {
    expect(reason("")).toBe(EMPTY);
  });

  test.each([
    "my-group",
    "example.com",
    "//example.com",
    "ftp://example.com",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "http:example.com",
    "https:/example.com",
    "httpss://example.com",
    " https://example.com",
    "mailto:a@b.c",
  ])("asks for a scheme on %j", (raw) => {
    expect(reason(raw)).toBe(NO_SCHEME);
  });

  test.each([
    "http://",
    "https:///path",
    "https://?x",
    "https://#x",
    "https://:80/",
    "https://a:99999/",
    "https://a:b/",
    "https://[::1/",
    "https://a%00b/",
    "https://256.1.1.1/",
  ])("names the whole of %j, which has no valid host or port", (raw) => {
    expect(reason(raw)).toBe(`${PREFIX}endpoint is not a URL with a valid host and port: ${raw}`);
  });

  test.each(["http://example.com:0/", "http://127.0.0.1:00/x"])("refuses %j: port 0", (raw) => {
    expect(reason(raw)).toBe(`${PREFIX}endpoint has a blocked port: 0: ${raw}`);
  });
  test.each([
    "https://a.example/ b",
    "https://a.example/\n",
    "https://a\t.example/",
    "https://a.example/\u0000",
    "https://a.example/\u007f",
    "https://a.example/\u0085",
    "https://a.example/\u2028",
    "https://a.example/\ud800",
  ])("refuses the stray character in %j", (raw) => {
    expect(reason(raw)).toContain("endpoint contains a blank, a control character");
  });

  test.each([
    "https://good.example\\@evil.example/",
    "https:\\\\a.example",
    "https://\\a.example",
    "https://a.example/x\\y?z",
  ])("refuses the backslash in %j, which readers of URLs disagree on", (raw) => {
    expect(reason(raw)).toMatch(/contains a backslash|invalid scheme/);
  });

  test.each([
    "https://user@a.example/",
    "https://user:secret@a.example/",
    "https://:secret@a.example/",
  ])("refuses credentials in %j without repeating them", (raw) => {
    expect(reason(raw)).toContain("contains a user name or password");
    expect(reason(raw)).not.toContain("secret");
  });

  test("takes 8192 bytes and no more", () => {
    const head = "https://a.example/";
    expect(parseDestination(head.padEnd(8192, "x")).kind).toBe("url");
    expect(reason(head.padEnd(8193, "x"))).toContain(`${PREFIX}endpoint is longer than 8192 bytes`);
    expect(reason(head.padEnd(8191, "x") + "ü")).toContain("longer than 8192 bytes");
    expect(reason(head.padEnd(9000, "x")).length).toBeLessThan(300);
  });

  test("accepts every web URL as it is written", () => {
    const anyUrl = fc.webUrl({
      withQueryParameters: true,
      withFragments: true,
      validSchemes: ["http", "https"],
    });
    fc.assert(
      fc.property(anyUrl, (raw) => {
        const parsed = parseDestination(raw);
        expect(parsed.kind === "url" && parsed.url.href).toBe(new URL(raw).href);
      }),
    );
  });

  test("answers any text with an http(s) URL or a reason, and never throws", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc
        .tuple(fc.constantFrom("http://", "https://"), fc.string({ unit: "binary" }))
        .map((both) => both.join("")),
    );
    fc.assert(
      fc.property(text, (raw) => {
        const parsed = parseDestination(raw);
        if (parsed.kind === "invalid") expect(parsed.reason.startsWith(PREFIX)).toBe(true);
        else {
          expect(parsed.url.protocol).toMatch(/^https?:$/);
          expect(parsed.url.hostname).not.toBe("");
        }
      }),
    );
  });
});
