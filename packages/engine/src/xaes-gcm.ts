import { createCipheriv, createDecipheriv, type Cipheriv } from "node:crypto";

export const XAES_NONCE_BYTES = 24;
export const XAES_TAG_BYTES = 16;
const BLOCK_BYTES = 16;
/** The first half of a nonce makes the key, the second is the nonce of AES-GCM. */
const HALF = XAES_NONCE_BYTES / 2;

/**
 * XAES-256-GCM (c2sp.org/XAES-256-GCM): AES-256-GCM whose key is derived for each value from half of
 * a nonce of 192 bits. Nonces may be random without an end, while the 96 bits of plain AES-GCM should
 * not be drawn much more than 2^32 times for one key, which a busy tenant reaches in weeks.
 */
export class XaesGcm {
  /** AES-256-ECB keeps nothing between blocks: one for all. */
  readonly #blocks: Cipheriv;
  /** Subkey of CMAC. */
  readonly #subkey: Buffer;

  /** `key` has 32 bytes. */
  constructor(key: Buffer) {
    this.#blocks = createCipheriv("aes-256-ecb", key, null).setAutoPadding(false);
    this.#subkey = doubled(this.#blocks.update(Buffer.alloc(BLOCK_BYTES)));
  }

  /** The parts, sealed as one text, and the tag behind them. */
  seal(nonce: Buffer, additional: Buffer, parts: readonly (Buffer | string)[]): readonly Buffer[] {
    const cipher = createCipheriv("aes-256-gcm", this.#keyFor(nonce), nonce.subarray(HALF));
    cipher.setAAD(additional);
    const sealed = parts.map((part) =>
      typeof part === "string" ? cipher.update(part, "utf8") : cipher.update(part),
    );
    return [...sealed, cipher.final(), cipher.getAuthTag()];
  }

  /** Throws unless `sealed` is what `seal` made of this nonce and additional data, to the bit. */
  open(nonce: Buffer, additional: Buffer, sealed: Buffer): Buffer {
    const decipher = createDecipheriv("aes-256-gcm", this.#keyFor(nonce), nonce.subarray(HALF), {
      authTagLength: XAES_TAG_BYTES,
    })
      .setAAD(additional)
      .setAuthTag(sealed.subarray(-XAES_TAG_BYTES));
    const opened = decipher.update(sealed.subarray(0, -XAES_TAG_BYTES));
    decipher.final();
    return opened;
  }

  /** CMAC in counter mode, of two blocks (NIST SP 800-108). */
  #keyFor(nonce: Buffer): Buffer {
    const blocks = Buffer.alloc(2 * BLOCK_BYTES);
    for (const counter of [1, 2]) {
      const start = (counter - 1) * BLOCK_BYTES;
      blocks.set([0, counter, "X".charCodeAt(0), 0], start);
      nonce.copy(blocks, start + 4, 0, HALF);
    }
    const masked = blocks.map((byte, at) => byte ^ (this.#subkey[at % BLOCK_BYTES] ?? 0));
    return this.#blocks.update(masked);
  }
}

/** Multiplied by x in GF(2^128). */
function doubled(block: Buffer): Buffer {
  const doubles = Buffer.from(
    block.map((byte, at) => ((byte << 1) | ((block[at + 1] ?? 0) >> 7)) & 0xff),
  );
  const last = BLOCK_BYTES - 1;
  if ((block[0] ?? 0) >= 0x80) doubles[last] = (doubles[last] ?? 0) ^ 0x87;
  return doubles;
}
