import { lookup as lookupName, type LookupAddress, type LookupOptions } from "node:dns";
import { callbackify } from "node:util";

import { knownAddress } from "@omnistore/domain/deliver/destination";
import { judgeAddress, type DestinationPolicy } from "@omnistore/domain/deliver/destination-policy";

/** The destination is, or resolves to, an address that deliveries may not reach. */
export class RefusedAddressError extends Error {
  override readonly name = "RefusedAddressError";
  readonly code = "REFUSED_ADDRESS";
  readonly address: string;

  constructor(host: string, address: string) {
    super(
      host === address
        ? `refused: ${address} is not a public address`
        : `refused: ${host} resolves to ${address}, which is not a public address`,
    );
    this.address = address;
  }
}

/** Who knows the addresses of names: a `Resolver` of Node, for one. */
export interface NameResolver {
  resolve4(host: string): Promise<string[]>;
  resolve6(host: string): Promise<string[]>;
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
  resolver: NameResolver,
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
    if (four.status === "rejected" && six.status === "rejected") {
      // What is only not known yet says more than "no such address" of the other family.
      throw isWithoutAddress(four.reason) ? six.reason : four.reason;
    }
    return [...ofFamily(4, addresses4), ...ofFamily(6, addresses6)];
  };
}

/** The answers by which DNS says for certain that a name has no address. */
const WITHOUT_ADDRESS: ReadonlySet<unknown> = new Set(["ENOTFOUND", "ENODATA", "EBADNAME"]);

/** Whether a look-up failed because the name has no address, and not because nobody told. */
export function isWithoutAddress(error: unknown): boolean {
  return error instanceof Error && "code" in error && WITHOUT_ADDRESS.has(error.code);
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
