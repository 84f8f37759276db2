import { randomUUID } from "node:crypto";
import { isIP } from "node:net";

import { generate } from "selfsigned";

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** An authority that nobody trusts until its certificate is installed. */
export interface Authority extends Certificate {
  /** A certificate for these DNS names and IP addresses, by default valid for a day. */
  issue(hosts: readonly string[], validity?: { from: Date; to: Date }): Promise<Certificate>;
}

const DAY_MS = 86_400_000;
const EC = { keyType: "ec", algorithm: "sha256" } as const;

export async function createAuthority(): Promise<Authority> {
  const authority = await generate([{ name: "commonName", value: randomUUID() }], {
    ...EC,
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", keyCertSign: true, critical: true },
    ],
  });
  const ca = { cert: authority.cert, key: authority.private };
  return {
    ...ca,
    async issue(hosts, validity = { from: new Date(), to: new Date(Date.now() + DAY_MS) }) {
      return certificate(hosts, { ca, notBeforeDate: validity.from, notAfterDate: validity.to });
    },
  };
}

/** A certificate that vouches for itself. */
export function selfSign(hosts: readonly string[]): Promise<Certificate> {
  return certificate(hosts, {});
}

async function certificate(
  hosts: readonly string[],
  options: Parameters<typeof generate>[1],
): Promise<Certificate> {
  const made = await generate([{ name: "commonName", value: hosts[0] ?? "nobody" }], {
    ...EC,
    ...options,
    extensions: [
      { name: "basicConstraints", cA: false },
      {
        name: "subjectAltName",
        altNames: hosts.map((host) =>
          isIP(host) === 0 ? { type: 2, value: host } : { type: 7, ip: host },
        ),
      },
    ],
  });
  return { cert: made.cert, key: made.private };
}
