import { lookup as lookupName, type LookupAddress, type LookupOptions } from "node:dns";
import type { Resolver } from "node:dns/promises";
import { callbackify } from "node:util";

import { knownAddress } from "@omnistore/domain/deliver/destination";
import { judgeAddress, type DestinationPolicy } from "@omnistore/domain/deliver/destination-policy";

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

/** All addresses of a host, at least one, each of which may be connected to; rejects otherwise. */
export type ResolveAddresses = (host: string) => Promise<readonly LookupAddress[]>;

/** Of each family: enough for any failover, too few to make one delivery knock at many doors. */
const MOST_ADDRESSES = 4;

/**
 * Looks up where a host is. Where only public destinations are, every address is judged and one
 * that is refused refuses the host; and DNS is asked directly, because the system's own look-up has
 * four threads for all, which slow name servers of four hosts would hold. `/etc/hosts` and search
 * domains do not count there.
 */
export function createAddressResolver(
  policy: DestinationPolicy,
  resolver: Pick<Resolver, "resolve4" | "resolve6">,
): ResolveAddresses {
  return async (host) => {
    const known = knownAddress(host);
    if (known !== null && policy.isPublicOnly) {
      refuseAny(host, [known], policy);
      return [{ address: known, family: known.includes(":") ? 6 : 4 }];
    }
    if (!policy.isPublicOnly) return lookupAll(host);
    const [four, six] = await Promise.allSettled([
      resolver.resolve4(host),
      resolver.resolve6(host),
    ]);
    const addresses4 = four.status === "fulfilled" ? four.value : [];
    const addresses6 = six.status === "fulfilled" ? six.value : [];
    refuseAny(host, [...addresses4, ...addresses6], policy);
    if (four.status === "rejected" && addresses6.length === 0) throw four.reason;
    return [...ofFamily(4, addresses4), ...ofFamily(6, addresses6)];
  };
}

type LookupCallback = (
  error: NodeJS.ErrnoException | null,
  address: string | LookupAddress[],
  family?: number,
) => void;

/**
 * The look-up of a socket. The socket connects to exactly what was judged here, so a name cannot
 * change its answer in between.
 */
export function createLookup(resolve: ResolveAddresses) {
  const lookup = callbackify(resolve);
  return (host: string, options: LookupOptions, callback: LookupCallback): void => {
    lookup(host, (error, addresses) => {
      const first = addresses?.[0];
      if (error !== null || first === undefined) callback(error, []);
      else if (options.all === true) callback(null, [...addresses]);
      else callback(null, first.address, first.family);
    });
  };
}

function lookupAll(host: string): Promise<readonly LookupAddress[]> {
  return new Promise((done, reject) => {
    lookupName(host, { all: true }, (error, addresses) => {
      if (error) reject(error);
      else done(addresses);
    });
  });
}

function refuseAny(host: string, addresses: readonly string[], policy: DestinationPolicy): void {
  const refused = addresses.find((address) => judgeAddress(address, policy).kind !== "public");
  if (refused !== undefined) throw new RefusedAddressError(host, refused);
}

function ofFamily(family: 4 | 6, addresses: readonly string[]): LookupAddress[] {
  return addresses.slice(0, MOST_ADDRESSES).map((address) => ({ address, family }));
}
