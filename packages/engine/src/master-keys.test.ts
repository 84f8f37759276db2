import { createCipheriv, randomBytes } from "node:crypto";

import { expect, test } from "vitest";

import { MasterKeys, masterKeyId, UnknownMasterKeyError } from "./master-keys.ts";

const TENANT = "00000000-0000-7000-8000-000000000001";
const OTHER = "00000000-0000-7000-8000-000000000002";
const [oldKey, newKey] = [randomBytes(32), randomBytes(32)];

test("a data key that was wrapped unwraps for its tenant only", () => {
  const keys = new MasterKeys(oldKey);
  const { bytes, ...wrapped } = keys.makeDataKey(TENANT);
  expect(bytes).toHaveLength(32);
  expect(wrapped.dataKey.includes(bytes)).toBe(false);
  expect(keys.unwrap(TENANT, wrapped)).toEqual(bytes);
  expect(() => keys.unwrap(OTHER, wrapped)).toThrow("was changed");
});

test("no bit of a wrapped key can be changed", () => {
  const keys = new MasterKeys(oldKey);
  const { dataKey, encryptionKeyId } = keys.makeDataKey(TENANT);
  for (let at = 0; at < dataKey.length; at += 1) {
    const changed = Buffer.from(dataKey);
    changed[at] = (changed[at] ?? 0) ^ 0x10;
    expect(() => keys.unwrap(TENANT, { dataKey: changed, encryptionKeyId })).toThrow("was changed");
  }
});

test("the current key wraps; what the previous one wrapped still unwraps", () => {
  const before = new MasterKeys(oldKey).makeDataKey(TENANT);
  const both = new MasterKeys(newKey, [oldKey]);
  expect(both.unwrap(TENANT, before)).toEqual(before.bytes);
  const after = both.wrap(TENANT, before.bytes);
  expect(after.encryptionKeyId).toBe(masterKeyId(newKey));
  expect(new MasterKeys(newKey).unwrap(TENANT, after)).toEqual(before.bytes);
});

test("a key that was not given is named by its id", () => {
  const wrapped = new MasterKeys(oldKey).makeDataKey(TENANT);
  const unwrap = () => new MasterKeys(newKey).unwrap(TENANT, wrapped);
  expect(unwrap).toThrow(UnknownMasterKeyError);
  expect(unwrap).toThrow(masterKeyId(oldKey));
});

test("ids tell keys apart and nothing of them", () => {
  expect(masterKeyId(oldKey)).toMatch(/^[0-9a-f]{16}$/);
  expect(masterKeyId(oldKey)).not.toBe(masterKeyId(newKey));
  expect(oldKey.toString("hex")).not.toContain(masterKeyId(oldKey));
});

test("what earlier versions sealed without a key's id opens by whichever given key it was", () => {
  const iv = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", oldKey, iv).setAAD(Buffer.from(TENANT));
  const text = Buffer.concat([cipher.update("sig_old"), cipher.final()]);
  const sealed = Buffer.concat([Buffer.of(1), iv, cipher.getAuthTag(), text]);
  expect(new MasterKeys(newKey, [oldKey]).openUnnamed(TENANT, sealed).toString()).toBe("sig_old");
  expect(() => new MasterKeys(newKey).openUnnamed(TENANT, sealed)).toThrow(UnknownMasterKeyError);
});
