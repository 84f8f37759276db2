import { lookup as lookupName, type LookupAddress, type LookupOptions } from "node:dns";

import { classifyAddress } from "@omnistore/domain/deliver/public-address";

/** The destination is, or resolves to, an address that deliveries may not reach. */
export class RefusedAddressError extends Error {
  override readonly name = "RefusedAddressError";
  readonly code = "REFUSED_ADDRESS";

  constructor(host: string, address: string) {
    super(
      host === address
        ? `refused: ${address} is not a public address`
        : `refused: ${host} resolves to ${address}, which is not a public address`,
    );
  }
}

type LookupCallback = (
  error: NodeJS.ErrnoException | null,
  address: string | LookupAddress[],
  family?: number,
) => void;

/**
 * Resolves a name for a connection, and refuses it when any of its addresses is not public. The
 * socket connects to exactly what was checked here, so a name cannot change its answer in between.
 */
export function lookupPublic(host: string, options: LookupOptions, callback: LookupCallback): void {
  lookupName(host, { ...options, all: true }, (error, addresses) => {
    if (error) return callback(error, "");
    const refused = addresses.find(({ address }) => classifyAddress(address).kind !== "public");
    if (refused) return callback(new RefusedAddressError(host, refused.address), "");
    const [first] = addresses;
    if (options.all === true || first === undefined) return callback(null, addresses);
    callback(null, first.address, first.family);
  });
}
