import type { Socket } from "node:net";
import { callbackify } from "node:util";

import { knownAddress } from "@omnistore/domain/deliver/destination";
import { judgeAddress, type DestinationPolicy } from "@omnistore/domain/deliver/destination-policy";
import { CONNECT_TIMEOUT_MS } from "@omnistore/domain/message/limits";
import { buildConnector } from "undici";

import type { ProxyTunnel } from "./proxy-tunnel.ts";
import { createLookup, RefusedAddressError, type ResolveAddresses } from "./resolve-address.ts";

/** Connects to addresses that the policy allows, and to nothing else. */
export function directConnector(
  policy: DestinationPolicy,
  resolve: ResolveAddresses,
): buildConnector.connector {
  const connect = buildConnector({
    timeout: CONNECT_TIMEOUT_MS,
    allowH2: false,
    ...(policy.isPublicOnly ? { lookup: createLookup(resolve) } : {}),
  });
  return (options, callback) => {
    // A socket looks up names only; an address that is written out is judged here.
    const known = knownAddress(options.hostname);
    if (known !== null && judgeAddress(known, policy).kind !== "public") {
      const refused = new RefusedAddressError(options.hostname, known);
      process.nextTick(callback, refused, null);
      return;
    }
    connect(options, callback);
  };
}

/** Does the same through a proxy, with TLS from end to end. */
export function proxyConnector(
  tunnel: ProxyTunnel,
  resolve: ResolveAddresses,
): buildConnector.connector {
  const secure = buildConnector({ timeout: CONNECT_TIMEOUT_MS, allowH2: false });
  const open = callbackify(
    async ({ hostname, port, protocol }: buildConnector.Options): Promise<Socket> =>
      tunnel.open(await resolve(hostname), port || (protocol === "https:" ? "443" : "80")),
  );
  return (options, callback) => {
    open(options, (error, socket) => {
      if (error !== null) callback(error, null);
      else if (options.protocol === "https:") secure({ ...options, httpSocket: socket }, callback);
      else callback(null, socket);
    });
  };
}
