import { createCipheriv, createDecipheriv, createHmac, randomBytes } from "node:crypto";

import { DATA_KEY_BYTES } from "./data-key.ts";

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Layout of everything sealed by a master key: version (1 byte), nonce (12), tag (16), ciphertext. */
const HEAD_BYTES = 1 + NONCE_BYTES + TAG_BYTES;
const VERSION = 1;

/** A tenant's data key as the database keeps it. */
export interface WrappedKey {
  readonly dataKey: Buffer;
  /** Id of the master key that wrapped it. */
  readonly encryptionKeyId: string;
}

/** Something was sealed by a master key that was not given. */
export class UnknownMasterKeyError extends Error {
  override readonly name = "UnknownMasterKeyError";
}

/**
 * The operator's keys: the current one wraps, all of them unwrap. They see data keys only, so that
 * changing one touches a row for each tenant and nothing else. Plain AES-256-GCM: a master key makes
 * one nonce for each tenant and rotation.
 */
export class MasterKeys {
  readonly #keys: ReadonlyMap<string, Buffer>;
  readonly #current: Buffer;
  readonly currentId: string;

  /** Keys have 32 bytes. */
  constructor(current: Buffer, previous: readonly Buffer[] = []) {
    const all = [current, ...previous];
    if (all.some((key) => key.length !== 32)) throw new RangeError("a master key has 32 bytes");
    this.#keys = new Map(all.toReversed().map((key) => [masterKeyId(key), key]));
    this.#current = current;
    this.currentId = masterKeyId(current);
  }

  get ids(): readonly string[] {
    return [...this.#keys.keys()];
  }

  /** A new data key in clear, and as it is to be stored. */
  makeDataKey(tenantId: string): WrappedKey & { readonly bytes: Buffer } {
    const bytes = randomBytes(DATA_KEY_BYTES);
    return { bytes, ...this.wrap(tenantId, bytes) };
  }

  wrap(tenantId: string, bytes: Buffer): WrappedKey {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv("aes-256-gcm", this.#current, nonce);
    cipher.setAAD(Buffer.from(`data key\n${tenantId}`));
    const ciphertext = Buffer.concat([cipher.update(bytes), cipher.final()]);
    const dataKey = Buffer.concat([Buffer.of(VERSION), nonce, cipher.getAuthTag(), ciphertext]);
    return { dataKey, encryptionKeyId: this.currentId };
  }

  /** Throws `UnknownMasterKeyError`, or another error when the key was changed or is another tenant's. */
  unwrap(tenantId: string, { dataKey, encryptionKeyId }: WrappedKey): Buffer {
    const key = this.#keys.get(encryptionKeyId);
    if (key === undefined) {
      throw new UnknownMasterKeyError(
        `the data key of tenant ${tenantId} is wrapped by encryption key ${encryptionKeyId}, which was not given`,
      );
    }
    try {
      return open(key, `data key\n${tenantId}`, dataKey);
    } catch (cause) {
      throw new Error(`the data key of tenant ${tenantId} was changed`, { cause });
    }
  }

  /** A secret that an earlier version sealed by the master key itself, without its id. */
  openUnnamed(tenantId: string, sealed: Buffer): Buffer {
    for (const key of this.#keys.values()) {
      try {
        return open(key, tenantId, sealed);
      } catch {
        // Perhaps by another one.
      }
    }
    throw new UnknownMasterKeyError(
      `a secret of tenant ${tenantId} was sealed by an encryption key that was not given`,
    );
  }
}

/** Names a key without telling anything of it: 64 bits of a MAC under it, in hexadecimal. */
export function masterKeyId(key: Buffer): string {
  return createHmac("sha256", key).update("omnistore encryption key").digest("hex").slice(0, 16);
}

function open(key: Buffer, additional: string, sealed: Buffer): Buffer {
  if (sealed[0] !== VERSION) throw new Error("the value was sealed in an unknown way");
  const nonce = sealed.subarray(1, 1 + NONCE_BYTES);
  const decipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG_BYTES })
    .setAAD(Buffer.from(additional))
    .setAuthTag(sealed.subarray(1 + NONCE_BYTES, HEAD_BYTES));
  return Buffer.concat([decipher.update(sealed.subarray(HEAD_BYTES)), decipher.final()]);
}
