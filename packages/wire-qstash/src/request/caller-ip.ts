const IPV4_IN_IPV6 = "::ffff:";

/**
 * Address of the publisher from the address of its socket; an IPv4 one in its own notation.
 * Headers that proxies add are not asked: anyone can send them. Undefined when the connection is gone.
 */
export function callerIp(remoteAddress: string | undefined): string | undefined {
  return remoteAddress?.startsWith(IPV4_IN_IPV6)
    ? remoteAddress.slice(IPV4_IN_IPV6.length)
    : remoteAddress;
}
