import { SEALED_BY_DATA_KEY, type DataKey } from "../data-key.ts";
import type { Vault } from "../vault.ts";

/** Both keys of a tenant have one place: the next one becomes the current one as it is. */
function placeOf(tenantId: string) {
  return { kind: "signing key", tenantId, id: tenantId } as const;
}

export function sealSigningKey(key: DataKey, tenantId: string, signingKey: string): Buffer {
  return key.seal(placeOf(tenantId), signingKey);
}

/** Earlier versions sealed signing keys by the operator's key itself. Throws when it was changed or moved. */
export async function openSigningKey(
  vault: Vault,
  tenantId: string,
  sealed: Buffer,
): Promise<string> {
  if (sealed[0] !== SEALED_BY_DATA_KEY) {
    return vault.masterKeys.openUnnamed(tenantId, sealed).toString("utf8");
  }
  return (await vault.keyOf(tenantId)).open(placeOf(tenantId), sealed).toString("utf8");
}
