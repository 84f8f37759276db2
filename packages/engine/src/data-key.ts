import { randomBytes } from "node:crypto";

import { XAES_NONCE_BYTES, XAES_TAG_BYTES, XaesGcm } from "./xaes-gcm.ts";

export const DATA_KEY_BYTES = 32;

/** First byte of what a data key sealed; another way to seal would take another number. */
export const SEALED_BY_DATA_KEY = 2;

/** The row that a sealed value belongs to: it opens there and nowhere else. */
export interface Place {
  readonly kind: "message" | "answer" | "schedule" | "schedule settings" | "topic" | "signing key";
  readonly tenantId: string;
  /** Id or name of the row. */
  readonly id: string;
}

/** Seals what is kept of one tenant, each value for its place. */
export class DataKey {
  readonly #cipher: XaesGcm;

  /** `bytes` are `DATA_KEY_BYTES` random ones. */
  constructor(bytes: Buffer) {
    if (bytes.length !== DATA_KEY_BYTES) throw new RangeError("a data key has 32 bytes");
    this.#cipher = new XaesGcm(bytes);
  }

  /** The parts, sealed as one. Layout: version (1 byte), nonce (24), ciphertext, tag (16). */
  seal(place: Place, ...parts: readonly (Buffer | string)[]): Buffer {
    const nonce = randomBytes(XAES_NONCE_BYTES);
    const sealed = this.#cipher.seal(nonce, nameOf(place), parts);
    return Buffer.concat([Buffer.of(SEALED_BY_DATA_KEY), nonce, ...sealed]);
  }

  /** Throws when it was sealed by another key or for another place, or was changed. */
  open(place: Place, sealed: Buffer): Buffer {
    if (sealed[0] !== SEALED_BY_DATA_KEY || sealed.length < 1 + XAES_NONCE_BYTES + XAES_TAG_BYTES) {
      throw new Error(`${describe(place)} is not sealed by a data key`);
    }
    const nonce = sealed.subarray(1, 1 + XAES_NONCE_BYTES);
    try {
      return this.#cipher.open(nonce, nameOf(place), sealed.subarray(1 + XAES_NONCE_BYTES));
    } catch (cause) {
      throw new Error(`${describe(place)} was changed, or sealed for another place`, { cause });
    }
  }
}

/** Unambiguous: kinds are ours, tenants are UUIDs, and the id is last. */
function nameOf({ kind, tenantId, id }: Place): Buffer {
  return Buffer.from(`${kind}\n${tenantId}\n${id}`);
}

function describe({ kind, tenantId, id }: Place): string {
  return `${kind} ${id} of tenant ${tenantId}`;
}
