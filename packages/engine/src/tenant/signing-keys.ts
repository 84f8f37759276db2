import type { SigningKeys } from "@omnistore/domain/tenant/tenant";

import type { TenantScopes } from "../tenant-scope.ts";
import type { Vault } from "../vault.ts";
import { readSender } from "./read-sender.ts";
import { rotateSigningKeys } from "./rotate-signing-keys.ts";

/** Tenants' signing keys, for those who ask about them and change them. */
export class SigningKeyRing {
  readonly #scopeOf: TenantScopes;
  readonly #vault: Vault;

  constructor(scopeOf: TenantScopes, vault: Vault) {
    this.#scopeOf = scopeOf;
    this.#vault = vault;
  }

  /** As the database has them now. Throws when the tenant is gone or its keys cannot be opened. */
  async read(tenantId: string): Promise<SigningKeys> {
    return (await readSender(this.#scopeOf, this.#vault, tenantId)).signingKeys;
  }

  /** The keys from now on; attempts sign with them as soon as the memory of `Senders` ends. */
  rotate(tenantId: string): Promise<SigningKeys> {
    return rotateSigningKeys(this.#scopeOf(tenantId).db, this.#vault, tenantId);
  }
}
