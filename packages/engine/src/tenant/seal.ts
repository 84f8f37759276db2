import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

const VERSION = 1;
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** Keeps secrets unreadable in the database: AES-256-GCM, bound to the tenant they belong to. */
export class Sealer {
  readonly #key: Buffer;

  /** `key` is 32 bytes. */
  constructor(key: Buffer) {
    if (key.length !== 32) throw new RangeError("a sealing key has 32 bytes");
    this.#key = key;
  }

  /** Layout: version (1 byte), nonce (12), tag (16), ciphertext. */
  seal(tenantId: string, secret: string): Buffer {
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv("aes-256-gcm", this.#key, iv).setAAD(Buffer.from(tenantId));
    const ciphertext = Buffer.concat([cipher.update(secret, "utf8"), cipher.final()]);
    return Buffer.concat([Buffer.of(VERSION), iv, cipher.getAuthTag(), ciphertext]);
  }

  /** Throws when the secret was sealed by another key, for another tenant, or was changed. */
  open(tenantId: string, sealed: Buffer): string {
    if (sealed[0] !== VERSION) throw new Error("the secret was sealed in an unknown way");
    const iv = sealed.subarray(1, 1 + IV_BYTES);
    const tag = sealed.subarray(1 + IV_BYTES, 1 + IV_BYTES + TAG_BYTES);
    const decipher = createDecipheriv("aes-256-gcm", this.#key, iv)
      .setAAD(Buffer.from(tenantId))
      .setAuthTag(tag);
    const ciphertext = sealed.subarray(1 + IV_BYTES + TAG_BYTES);
    return Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString("utf8");
  }
}
