import ipaddr from "ipaddr.js";

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Whether deliveries may go to an address; if not, the range that forbids it, in words. */
export type AddressClass =
  | { readonly kind: "public" }
  | { readonly kind: "loopback" | "private"; readonly range: string };

/**
 * Every IPv4 range that is not ordinary public unicast: the special-purpose registry of IANA, and
 * the one public address at which a cloud answers its own machines.
 */
const CLOSED_IPV4 = ranges({
  "0.0.0.0/8": "this network",
  "10.0.0.0/8": "private use",
  "100.64.0.0/10": "carrier-grade NAT",
  "127.0.0.0/8": "loopback",
  "168.63.129.16/32": "cloud platform",
  "169.254.0.0/16": "link local",
  "172.16.0.0/12": "private use",
  "192.0.0.0/24": "protocol assignments",
  "192.0.2.0/24": "documentation",
  "192.88.99.0/24": "6to4 relay",
  "192.168.0.0/16": "private use",
  "198.18.0.0/15": "benchmarking",
  "198.51.100.0/24": "documentation",
  "203.0.113.0/24": "documentation",
  "224.0.0.0/4": "multicast",
  "240.0.0.0/4": "reserved",
});

/** IPv6 is public in 2000::/3 only; these are the exceptions in it, and names for what lies outside. */
const CLOSED_IPV6 = ranges({
  "::/128": "unspecified",
  "::1/128": "loopback",
  "64:ff9b::/96": "NAT64",
  "64:ff9b:1::/48": "NAT64",
  "100::/64": "discard",
  "2001::/32": "Teredo",
  "2001::/23": "protocol assignments",
  "2001:db8::/32": "documentation",
  "2002::/16": "6to4",
  "3fff::/20": "documentation",
  "5f00::/16": "segment routing",
  "fc00::/7": "unique local",
  "fe80::/10": "link local",
  "fec0::/10": "site local",
  "ff00::/8": "multicast",
});

const PUBLIC_IPV6 = ipaddr.parseCIDR("2000::/3");

/** IPv4 written as IPv6: mapped, and its obsolete form without the ffff. */
const EMBEDDED_IPV4 = [ipaddr.parseCIDR("::ffff:0:0/96"), ipaddr.parseCIDR("::/96")];

/**
 * Says whether an IP address is one that anybody on the internet could reach. IPv4 inside IPv6 is
 * judged by what is inside; addresses that lead through a translator or a tunnel are refused
 * whatever is inside. What is no address is private, so that doubt refuses.
 */
export function classifyAddress(ip: string): AddressClass {
  const address = readAddress(ip);
  if (address === null) return { kind: "private", range: "not an IP address" };
  const closed = closedRange(address);
  if (closed === undefined) return { kind: "public" };
  return { kind: closed === "loopback" ? "loopback" : "private", range: closed };
}

/** The bare address when the host name of a WHATWG URL is one, else null: a name to be resolved. */
export function destinationAddress(hostname: string): string | null {
  const bare =
    hostname.startsWith("[") && hostname.endsWith("]") ? hostname.slice(1, -1) : hostname;
  return readAddress(bare) === null ? null : bare;
}

/** Reads the four-part decimal form of IPv4 only: `0177.1` would mean different hosts to different readers. */
function readAddress(ip: string): Address | null {
  if (ipaddr.IPv4.isValidFourPartDecimal(ip)) return ipaddr.IPv4.parse(ip);
  if (!ip.includes(":") || !ipaddr.IPv6.isValid(ip)) return null;
  return ipaddr.IPv6.parse(ip);
}

function closedRange(address: Address): string | undefined {
  if (address instanceof ipaddr.IPv4) return nameIn(CLOSED_IPV4, address);
  const named = nameIn(CLOSED_IPV6, address);
  if (named !== undefined) return named;
  if (EMBEDDED_IPV4.some((range) => address.match(range))) {
    return nameIn(CLOSED_IPV4, new ipaddr.IPv4(address.toByteArray().slice(-4)));
  }
  return address.match(PUBLIC_IPV6) ? undefined : "not assigned";
}

function ranges(
  names: Readonly<Record<string, string>>,
): readonly (readonly [[Address, number], string])[] {
  return Object.entries(names).map(([range, name]) => [ipaddr.parseCIDR(range), name]);
}

function nameIn(closed: ReturnType<typeof ranges>, address: Address): string | undefined {
  return closed.find(([range]) => address.match(range))?.[1];
}
