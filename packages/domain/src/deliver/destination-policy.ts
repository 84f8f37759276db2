import ipaddr from "ipaddr.js";
import { classifyAddress, readAddress, type AddressClass } from "./public-address.ts";

type Network = ReturnType<typeof ipaddr.parseCIDR>;

/** Where deliveries may go. */
export interface DestinationPolicy {
  /** False in development, where this machine and its network are reached like any other. */
  readonly isPublicOnly: boolean;
  /** What an operator opened although it is not public. */
  readonly openNetworks: readonly Network[];
  /** Host names of our own API, in lower case: a delivery to it could go round for ever. */
  readonly ownHosts: ReadonlySet<string>;
  /**
   * Addresses of this machine, public ones too: behind its firewall they reach more than outside; and
   * that of our API, where clients find it by one.
   */
  readonly ownAddresses: ReadonlySet<string>;
}

/** For development: every destination that can be written. */
export const ANYWHERE: DestinationPolicy = {
  isPublicOnly: false,
  openNetworks: [],
  ownHosts: new Set(),
  ownAddresses: new Set(),
};

export interface PublicOnly {
  /** CIDR notation. */
  readonly openNetworks?: readonly string[];
  /** Where clients find our API. */
  readonly ownUrl?: string | undefined;
  /** IP addresses of this machine. */
  readonly ownAddresses?: readonly string[];
}

/**
 * For a service that strangers share: public addresses only, and what its operator opened.
 *
 * @throws when a network is not in CIDR notation, or the URL is none.
 */
export function publicOnly(given: PublicOnly = {}): DestinationPolicy {
  const ownHosts = given.ownUrl === undefined ? [] : [bareHost(new URL(given.ownUrl).hostname)];
  return {
    isPublicOnly: true,
    openNetworks: (given.openNetworks ?? []).map((text) => ipaddr.parseCIDR(text)),
    ownHosts: new Set(ownHosts),
    // An API that clients find by an address is not to be reached by names of that address either.
    ownAddresses: new Set([...(given.ownAddresses ?? []), ...ownHosts].map(spelledOut)),
  };
}

/**
 * Where clouds tell their machines secrets. A network that was opened does not open them with it,
 * unless it is that one address.
 */
const METADATA: ReadonlySet<string> = new Set(
  [
    "100.100.100.200",
    "168.63.129.16",
    "169.254.0.23",
    "169.254.169.253",
    "169.254.169.254",
    "169.254.170.2",
    "169.254.170.23",
    "169.254.42.42",
    "192.0.0.192",
    "fd00:42::42",
    "fd00:ec2::23",
    "fd00:ec2::253",
    "fd00:ec2::254",
    "fd20:ce::254",
  ].map(spelledOut),
);

/** Says whether a delivery may connect to an address. */
export function judgeAddress(ip: string, policy: DestinationPolicy): AddressClass {
  if (!policy.isPublicOnly || isOpened(ip, policy)) return { kind: "public" };
  const found = classifyAddress(ip);
  if (found.kind === "public" && policy.ownAddresses.has(spelledOut(ip))) {
    return { kind: "private", range: "this machine" };
  }
  return found;
}

/** The host of a URL in the one spelling by which hosts are compared: no brackets, no last dot. */
export function bareHost(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, "$1").replace(/\.+$/, "");
}

function isOpened(ip: string, { openNetworks }: DestinationPolicy): boolean {
  if (openNetworks.length === 0) return false;
  const address = readAddress(ip);
  if (address === undefined) return false;
  const isMetadata = METADATA.has(spelledOut(ip));
  return openNetworks.some(([network, bits]) => {
    if (network.kind() !== address.kind()) return false;
    if (isMetadata && bits < network.toByteArray().length * 8) return false;
    return address.match([network, bits]);
  });
}

/** One spelling for each address; what is no address stays as it is. */
function spelledOut(ip: string): string {
  return readAddress(ip)?.toNormalizedString() ?? ip;
}
