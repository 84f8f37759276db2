import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { classifyAddress, destinationAddress } from "./public-address.ts";

const dotted = (value: number): string =>
  [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255].join(".");

const hexPair = (value: number): string =>
  `${(value >>> 16).toString(16)}:${(value & 0xffff).toString(16)}`;

const ipv4Value = fc.oneof(
  fc.nat({ max: 2 ** 32 - 1 }),
  fc
    .tuple(fc.constantFrom(0x7f, 0x0a, 0xa9fe, 0xc0a8, 0xac10), fc.nat(0xffff))
    .map(([head, tail]) => (head > 255 ? head * 65536 + tail : head * 2 ** 24 + tail)),
);
const group = fc.nat(0xffff).map((value) => value.toString(16));

describe("classifyAddress", () => {
  test.each([
    "1.1.1.1",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "168.63.129.15",
    "168.63.129.17",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "192.0.3.0",
    "192.88.98.255",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "198.51.99.255",
    "203.0.114.0",
    "223.255.255.255",
    "2001:200::1",
    "2606:4700:4700::1111",
    "2001:4860:4860::8888",
    "2003::1",
    "3fff:1000::1",
  ])("%s is public", (ip) => {
    expect(classifyAddress(ip)).toEqual({ kind: "public" });
  });

  test.each([
    "127.0.0.0",
    "127.0.0.1",
    "127.255.255.255",
    "::1",
    "0:0:0:0:0:0:0:1",
    "::1%lo",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "0:0:0:0:0:ffff:127.0.0.1",
    "::127.0.0.1",
    "::7f00:1",
  ])("%s is loopback", (ip) => {
    expect(classifyAddress(ip)).toEqual({ kind: "loopback", range: "loopback" });
  });

  test.each([
    ["0.0.0.0", "this network"],
    ["0.255.255.255", "this network"],
    ["10.0.0.0", "private use"],
    ["10.255.255.255", "private use"],
    ["100.64.0.0", "carrier-grade NAT"],
    ["100.100.100.200", "carrier-grade NAT"],
    ["100.127.255.255", "carrier-grade NAT"],
    ["168.63.129.16", "cloud platform"],
    ["169.254.0.0", "link local"],
    ["169.254.169.254", "link local"],
    ["169.254.255.255", "link local"],
    ["172.16.0.0", "private use"],
    ["172.31.255.255", "private use"],
    ["192.0.0.0", "protocol assignments"],
    ["192.0.0.192", "protocol assignments"],
    ["192.0.2.255", "documentation"],
    ["192.88.99.1", "6to4 relay"],
    ["192.168.0.0", "private use"],
    ["192.168.255.255", "private use"],
    ["198.18.0.0", "benchmarking"],
    ["198.19.255.255", "benchmarking"],
    ["198.51.100.1", "documentation"],
    ["203.0.113.1", "documentation"],
    ["224.0.0.0", "multicast"],
    ["239.255.255.255", "multicast"],
    ["240.0.0.0", "reserved"],
    ["255.255.255.255", "reserved"],
    ["::", "unspecified"],
    ["161.26.0.7", "cloud platform"],
    ["166.8.0.0", "cloud platform"],
    ["166.11.255.255", "cloud platform"],
    ["192.31.196.1", "AS112"],
    ["192.52.193.1", "multicast tunnel"],
    ["192.175.48.1", "AS112"],
    ["199.36.153.4", "cloud platform"],
    ["199.36.153.11", "cloud platform"],
    ["2620:4f:8000::1", "AS112"],
    ["3ffe::1", "given back"],
    ["2606:4700::1%eth0", "of one zone"],
    ["2606:4700::5efe:808:808", "ISATAP"],
    ["2606:4700::200:5efe:808:808", "ISATAP"],
    ["::ffff:8.8.8.8", "IPv4 in IPv6"],
    ["::ffff:808:808", "IPv4 in IPv6"],
    ["::8.8.8.8", "IPv4 in IPv6"],
    ["::ffff:10.0.0.1", "private use"],
    ["::ffff:a9fe:a9fe", "link local"],
    ["::ffff:0.0.0.0", "this network"],
    ["::10.0.0.1", "private use"],
    ["::ffff:0:8.8.8.8", "not assigned"],
    ["64:ff9b::8.8.8.8", "NAT64"],
    ["64:ff9b::7f00:1", "NAT64"],
    ["64:ff9b:1::8.8.8.8", "NAT64"],
    ["100::1", "discard"],
    ["2001::1", "Teredo"],
    ["2001:0:ffff::1", "Teredo"],
    ["2001:2::1", "protocol assignments"],
    ["2001:10::1", "protocol assignments"],
    ["2001:2f:ffff::1", "protocol assignments"],
    ["2001:1ff:ffff::1", "protocol assignments"],
    ["2001:db8::1", "documentation"],
    ["2002:808:808::1", "6to4"],
    ["2002:7f00:1::1", "6to4"],
    ["3fff::1", "documentation"],
    ["3fff:fff::1", "documentation"],
    ["5f00::1", "segment routing"],
    ["fc00::1", "unique local"],
    ["fd00:ec2::254", "unique local"],
    ["fe80::1", "link local"],
    ["fe80::1%eth0", "link local"],
    ["febf::1", "link local"],
    ["fec0::1", "site local"],
    ["ff02::1", "multicast"],
    ["1::1", "not assigned"],
    ["1fff:ffff::1", "not assigned"],
    ["4000::1", "not assigned"],
  ])("%s is private: %s", (ip, range) => {
    expect(classifyAddress(ip)).toEqual({ kind: "private", range });
  });

  test.each([
    "",
    "example.com",
    "localhost",
    "8.8.8",
    "8.8.8.8.8",
    "8.8.8.256",
    "08.8.8.8",
    "0x8.8.8.8",
    "134744072",
    " 8.8.8.8",
    "8.8.8.8\n",
    "8.8.8.8:80",
    "[2606:4700::1]",
    "2606:4700::1/64",
    "2606::4700::1",
    "2606:4700::12345",
  ])("%j is no address, so it is not public", (ip) => {
    expect(classifyAddress(ip)).toEqual({ kind: "private", range: "not an IP address" });
  });

  test("refuses IPv4 inside IPv6, mapped or compatible, and names what the IPv4 address is", () => {
    fc.assert(
      fc.property(ipv4Value, (value) => {
        fc.pre(value > 1); // :: and ::1 are addresses of their own
        const found = classifyAddress(dotted(value));
        const bare = found.kind === "public" ? { kind: "private", range: "IPv4 in IPv6" } : found;
        for (const prefix of ["::ffff:", "0:0:0:0:0:ffff:", "::", "0:0:0:0:0:0:"]) {
          expect(classifyAddress(prefix + dotted(value))).toEqual(bare);
          expect(classifyAddress(prefix + hexPair(value))).toEqual(bare);
        }
      }),
    );
  });

  test("refuses every IPv6 address outside 2000::/3 that holds no IPv4 address", () => {
    const outside = fc.nat(0xffff).filter((first) => first > 0 && first >>> 13 !== 1);
    fc.assert(
      fc.property(outside, fc.array(group, { minLength: 7, maxLength: 7 }), (first, rest) => {
        const ip = [first.toString(16), ...rest].join(":");
        expect(classifyAddress(ip).kind).toBe("private");
      }),
    );
  });

  test("never throws, and calls nothing public that is not written as an address", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.domain(), fc.stringMatching(/^[0-9a-f:.%]*$/)),
        (text) => {
          const looksRight = /^[0-9a-f:.]+(%.+)?$/i.test(text);
          expect(looksRight || classifyAddress(text).kind !== "public").toBe(true);
        },
      ),
    );
  });
});

describe("destinationAddress", () => {
  test.each([
    ["http://127.0.0.1/x", "127.0.0.1"],
    ["http://127.0.0.1.:8080/", "127.0.0.1"],
    ["http://127.1/", "127.0.0.1"],
    ["http://0x7f.1/", "127.0.0.1"],
    ["http://0177.0.0.1/", "127.0.0.1"],
    ["http://2130706433/", "127.0.0.1"],
    ["http://１２７.0.0.1/", "127.0.0.1"],
    ["http://[::1]:8080/", "::1"],
    ["http://[::FFFF:127.0.0.1]/", "::ffff:7f00:1"],
    ["https://8.8.8.8/", "8.8.8.8"],
  ])("of %s is %s", (url, address) => {
    expect(destinationAddress(new URL(url).hostname)).toBe(address);
  });

  test.each([
    "example.com",
    "localhost",
    "1.2.3.4.example.com",
    "127.0.0.1.nip.io",
    "cafe",
    "[example]",
  ])("of the name %s is nothing yet", (hostname) => {
    expect(destinationAddress(hostname)).toBeNull();
  });

  test("finds the address in any URL that has one", () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV4Extended()), (ip) => {
        const { hostname } = new URL(`http://${ip}/`);
        expect(destinationAddress(hostname)).toBe(hostname);
      }),
    );
    fc.assert(
      fc.property(fc.ipV6(), (ip) => {
        const { hostname } = new URL(`http://[${ip}]/`);
        expect(destinationAddress(hostname)).toBe(hostname.slice(1, -1));
      }),
    );
  });
});
