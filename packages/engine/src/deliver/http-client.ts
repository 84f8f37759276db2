import { CONNECT_TIMEOUT_MS, RESPONSE_HEADER_BYTES } from "@omnistore/domain/message/limits";
import { Agent } from "undici";

import { lookupPublic } from "./resolve-address.ts";

const KEEP_ALIVE_MS = 4_000;

/**
 * The one pooled client of a dispatcher. It follows no redirect and decodes no body. Time is limited
 * per attempt, as a whole, by `deliver`; the client's own idle time-outs are off.
 */
export function createHttpClient(options: { readonly allowPrivate: boolean }): Agent {
  return new Agent({
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: RESPONSE_HEADER_BYTES,
    pipelining: 1,
    allowH2: false,
    connect: {
      timeout: CONNECT_TIMEOUT_MS,
      ...(options.allowPrivate ? {} : { lookup: lookupPublic }),
    },
  });
}
