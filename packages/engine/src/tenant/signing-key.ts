import { randomBytes } from "node:crypto";

/** A new signing key: `sig_` and 28 characters, as published samples have (Contract 00 §5). */
export function makeSigningKey(): string {
  return `sig_${randomBytes(14).toString("hex")}`;
}
