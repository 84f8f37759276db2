import { createServer } from "node:http";
import { connect, type Socket } from "node:net";

import { portOf } from "./port-of.ts";

export interface ConnectProxy {
  readonly port: number;
  /** Every CONNECT: where to, and the credentials that came with it. */
  readonly asked: readonly { readonly target: string; readonly authorization?: string }[];
  close(): Promise<void>;
}

/** A real HTTP proxy that makes tunnels, after `delayMs`, or answers with the status that `refuse` gives. */
export async function startConnectProxy(
  refuse: (target: string) => number | "hang" | "reset" | undefined = () => undefined,
  { delayMs = 0 } = {},
): Promise<ConnectProxy> {
  const asked: { target: string; authorization?: string }[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((_request, response) => response.writeHead(405).end());
  server.on("connection", (socket) => void sockets.add(socket));
  server.on("connect", (request, client, head) => {
    const target = request.url ?? "";
    const authorization = request.headers["proxy-authorization"];
    asked.push({ target, ...(authorization === undefined ? {} : { authorization }) });
    const refusal = refuse(target);
    if (refusal === "hang") return;
    if (refusal === "reset") return void client.destroy();
    if (refusal !== undefined) {
      client.end(`HTTP/1.1 ${refusal} No\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    const { hostname, port } = new URL(`tunnel://${target}`);
    const upstream = connect(Number(port), hostname.replace(/^\[|\]$/g, ""));
    sockets.add(upstream);
    upstream.on("error", () => client.end("HTTP/1.1 502 Bad Gateway\r\n\r\n"));
    client.on("error", () => upstream.destroy());
    upstream.once("connect", () => {
      setTimeout(() => {
        client.write("HTTP/1.1 200 Connection established\r\n\r\n");
        if (head.length > 0) upstream.write(head);
        client.pipe(upstream).pipe(client);
      }, delayMs);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: portOf(server),
    asked,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
