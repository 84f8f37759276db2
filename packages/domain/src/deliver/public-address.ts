import ipaddr from "ipaddr.js";

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Whether deliveries may go to an address; if not, the range that forbids it, in words. */
export type AddressClass =
  | { readonly kind: "public" }
  | { readonly kind: "loopback" | "private"; readonly range: string };

/**
 * Every IPv4 range that is not ordinary public unicast: the special-purpose registry of IANA, also
 * what it calls globally reachable, and the public addresses at which clouds answer their own
 * machines: Azure's wire server, Google's private API endpoints, IBM's service endpoints.
 */
const CLOSED_IPV4 = ranges({
  "0.0.0.0/8": "this network",
  "10.0.0.0/8": "private use",
  "100.64.0.0/10": "carrier-grade NAT",
  "127.0.0.0/8": "loopback",
  "161.26.0.0/16": "cloud platform",
  "166.8.0.0/14": "cloud platform",
  "168.63.129.16/32": "cloud platform",
  "169.254.0.0/16": "link local",
  "172.16.0.0/12": "private use",
  "192.0.0.0/24": "protocol assignments",
  "192.0.2.0/24": "documentation",
  "192.31.196.0/24": "AS112",
  "192.52.193.0/24": "multicast tunnel",
  "192.88.99.0/24": "6to4 relay",
  "192.168.0.0/16": "private use",
  "192.175.48.0/24": "AS112",
  "198.18.0.0/15": "benchmarking",
  "198.51.100.0/24": "documentation",
  "199.36.153.4/30": "cloud platform",
  "199.36.153.8/30": "cloud platform",
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
  "2620:4f:8000::/48": "AS112",
  "3ffe::/16": "given back",
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

/** The third quarter of an address of an ISATAP tunnel, whose last one is the IPv4 address of its end. */
const ISATAP: ReadonlySet<string> = new Set(["0:5efe", "200:5efe"]);

/**
 * Says whether an IP address is one that anybody on the internet could reach. IPv6 that holds IPv4,
 * or leads through a translator or a tunnel, is refused whatever is inside: nobody has to write a
 * public address that way. What is no address is private, so that doubt refuses.
 */
export function classifyAddress(ip: string): AddressClass {
  const address = readAddress(ip);
  if (address === undefined) return { kind: "private", range: "not an IP address" };
  const closed = closedRange(address);
  if (closed === undefined) return { kind: "public" };
  return { kind: closed === "loopback" ? "loopback" : "private", range: closed };
}

/** The bare address when the host name of a WHATWG URL is one, else null: a name to be resolved. */
export function destinationAddress(hostname: string): string | null {
  const bare =
    hostname.startsWith("[") && hostname.endsWith("]") ? hostname.slice(1, -1) : hostname;
  return readAddress(bare) === undefined ? null : bare;
}

/**
 * Reads the four-part decimal form of IPv4 only: `0177.1` would mean different hosts to different
 * readers. Undefined for what is no address.
 */
export function readAddress(ip: string): Address | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(ip)) return ipaddr.IPv4.parse(ip);
  if (!ip.includes(":") || !ipaddr.IPv6.isValid(ip)) return undefined;
  return ipaddr.IPv6.parse(ip);
}

function closedRange(address: Address): string | undefined {
  if (address instanceof ipaddr.IPv4) return nameIn(CLOSED_IPV4, address);
  const named = nameIn(CLOSED_IPV6, address);
  if (named !== undefined) return named;
  if (EMBEDDED_IPV4.some((range) => address.match(range))) {
    const inside = new ipaddr.IPv4(address.toByteArray().slice(-4));
    return nameIn(CLOSED_IPV4, inside) ?? "IPv4 in IPv6";
  }
  if (!address.match(PUBLIC_IPV6)) return "not assigned";
  // Only the machine that has the zone could say where such an address leads.
  if (address.zoneId !== undefined) return "of one zone";
  return ISATAP.has(thirdQuarter(address)) ? "ISATAP" : undefined;
}

function thirdQuarter({ parts }: ipaddr.IPv6): string {
  return `${parts[4]?.toString(16)}:${parts[5]?.toString(16)}`;
}

function ranges(
  names: Readonly<Record<string, string>>,
): readonly (readonly [[Address, number], string])[] {
  return Object.entries(names).map(([range, name]) => [ipaddr.parseCIDR(range), name]);
}

function nameIn(closed: ReturnType<typeof ranges>, address: Address): string | undefined {
  return closed.find(([range]) => address.match(range))?.[1];
}
