import { expect, it } from "vitest";
import { callerIp } from "./caller-ip.ts";

it.each([
  ["192.0.2.7", "192.0.2.7"],
  ["::ffff:192.0.2.7", "192.0.2.7"],
  ["2001:db8::7", "2001:db8::7"],
  [undefined, undefined],
])("02 §1 Upstash-Caller-Ip of a socket at %s is %s", (remoteAddress, ip) => {
  expect(callerIp(remoteAddress)).toBe(ip);
});
