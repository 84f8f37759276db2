import { isIPv6, Socket } from "node:net";

import { CONNECT_TIMEOUT_MS } from "@omnistore/domain/message/limits";
import { Pool } from "undici";

/** The egress proxy did not make the connection. */
class ProxyError extends Error {
  override readonly name = "ProxyError";
  readonly code = "EGRESS_PROXY";
}

/**
 * Opens connections through an egress proxy by CONNECT. The proxy is given addresses, never names:
 * what was judged here is what it connects to, whatever it would make of the name.
 */
export class ProxyTunnel {
  readonly #pool: Pool;
  readonly #authorization: Readonly<Record<string, string>>;

  /** `proxy` is an http or https URL, with user name and password when it asks for them. */
  constructor(proxy: URL) {
    this.#pool = new Pool(proxy.origin, {
      headersTimeout: CONNECT_TIMEOUT_MS,
      connect: { timeout: CONNECT_TIMEOUT_MS, allowH2: false },
    });
    this.#authorization = authorization(proxy);
  }

  /** A connection to the first of the addresses that the proxy reaches. */
  async open(addresses: readonly { readonly address: string }[], port: string): Promise<Socket> {
    const signal = AbortSignal.timeout(CONNECT_TIMEOUT_MS);
    let failure = new ProxyError("the egress proxy was given no address");
    for (const { address } of addresses) {
      const target = `${isIPv6(address) ? `[${address}]` : address}:${port}`;
      try {
        const headers = { ...this.#authorization, host: target };
        const { statusCode, socket } = await this.#pool.connect({ path: target, headers, signal });
        if (statusCode === 200 && socket instanceof Socket) return socket;
        socket.on("error", () => {}).destroy();
        failure = new ProxyError(`the egress proxy answered ${statusCode}`);
      } catch (cause) {
        failure = new ProxyError("the egress proxy could not be reached", { cause });
        if (signal.aborted) break;
      }
    }
    throw failure;
  }

  close(): Promise<void> {
    return this.#pool.destroy();
  }
}

function authorization({ username, password }: URL): Readonly<Record<string, string>> {
  if (username === "" && password === "") return {};
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { "proxy-authorization": `Basic ${Buffer.from(credentials).toString("base64")}` };
}
