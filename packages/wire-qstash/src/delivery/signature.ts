import { createHmac, hash } from "node:crypto";

/** What a signature vouches for. */
export interface SignatureClaims {
  /** Destination exactly as delivered. */
  readonly url: string;
  readonly body: Buffer;
  /** Unix seconds. */
  readonly nowSeconds: number;
  /** Unique text. */
  readonly id: string;
}

const LIFETIME_SECONDS = 300;
const JOSE_HEADER = base64url('{"alg":"HS256","typ":"JWT"}');

/**
 * The signature of one attempt: a JWT over HMAC-SHA256, keyed by the text of the signing key.
 * `nbf` is 0 so that a receiver whose clock is behind still accepts it. Made by hand because this
 * is ten times faster than a JOSE library. Contract 02 §6.
 */
export function sign({ url, body, nowSeconds, id }: SignatureClaims, key: string): string {
  const payload = JSON.stringify({
    iss: "Upstash",
    sub: url,
    exp: nowSeconds + LIFETIME_SECONDS,
    nbf: 0,
    iat: nowSeconds,
    jti: `jwt_${id}`,
    body: hash("sha256", body, "base64url"),
  });
  const signed = `${JOSE_HEADER}.${base64url(payload)}`;
  return `${signed}.${createHmac("sha256", key).update(signed).digest("base64url")}`;
}

function base64url(text: string): string {
  return Buffer.from(text).toString("base64url");
}
