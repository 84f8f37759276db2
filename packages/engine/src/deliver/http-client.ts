import type { Resolver } from "node:dns/promises";

import type { DestinationPolicy } from "@omnistore/domain/deliver/destination-policy";
import { RESPONSE_HEADER_BYTES } from "@omnistore/domain/message/limits";
import { Agent, type Dispatcher } from "undici";

import { directConnector, proxyConnector } from "./connector.ts";
import { createFindTarget, type FindTarget } from "./delivery-target.ts";
import { nameResolver } from "./name-servers.ts";
import { ProxyTunnel } from "./proxy-tunnel.ts";
import { createAddressResolver } from "./resolve-address.ts";

const KEEP_ALIVE_MS = 4_000;

export interface HttpClientOptions {
  readonly policy: DestinationPolicy;
  /** All deliveries go through it when it is given. */
  readonly egressProxy?: URL | undefined;
  /** Who knows the addresses of names; by default the name servers of this machine. */
  readonly resolver?: Resolver;
}

export interface HttpClient extends Pick<Dispatcher, "dispatch"> {
  /** Where a request to a URL goes, if one may go there. */
  readonly findTarget: FindTarget;
  /** Breaks off whatever is under way. */
  destroy(): Promise<void>;
}

/**
 * The one pooled client of a dispatcher. It follows no redirect and decodes no body. Time is limited
 * per attempt, as a whole, by `deliver`; the client's own idle time-outs are off.
 */
export function createHttpClient({
  policy,
  egressProxy,
  resolver = nameResolver(),
}: HttpClientOptions): HttpClient {
  const resolve = createAddressResolver(policy, resolver);
  const tunnel = egressProxy === undefined ? undefined : new ProxyTunnel(egressProxy);
  const agent = new Agent({
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: RESPONSE_HEADER_BYTES,
    pipelining: 1,
    allowH2: false,
    connect:
      tunnel === undefined ? directConnector(policy, resolve) : proxyConnector(tunnel, resolve),
  });
  return {
    findTarget: createFindTarget(policy),
    dispatch: (options, handler) => agent.dispatch(options, handler),
    async destroy() {
      await agent.destroy();
      await tunnel?.close();
    },
  };
}
