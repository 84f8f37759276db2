import { once } from "node:events";
import { createServer } from "node:http";
import { connect } from "node:net";
import { promisify } from "node:util";
import { getRequestListener } from "@hono/node-server";
import { ANYWHERE } from "@omnistore/domain/deliver/destination-policy";
import { portOf } from "@omnistore/testkit/port-of";
import { qstashRoutes } from "../src/index.ts";
import { FULL_TOKEN, StandInEngine } from "./stand-in-engine.ts";

/** The wire on a real Node server at a free port, with an engine that stands in. */
export interface WireServer {
  readonly engine: StandInEngine;
  readonly url: string;
  /** What the wire called a failure of its own. */
  readonly errors: unknown[];
  /** Sends bytes as they are over a fresh connection and reads the answer to its end. */
  raw(request: string | Buffer): Promise<RawAnswer>;
  /** Sends a request whose target and header lines are written out, with the writer's token. */
  send(line: string, headerLines?: readonly string[], body?: string | Buffer): Promise<RawAnswer>;
  /** How many clients are connected now. */
  connections(): Promise<number>;
  close(): Promise<void>;
}

export interface RawAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
  /** The body as JSON. */
  json(): unknown;
  /** The text of a body that is `{"error": text}` and nothing else; throws for any other. */
  error(): string;
}

export async function startWire(options = { destinations: ANYWHERE }): Promise<WireServer> {
  const engine = new StandInEngine();
  const errors: unknown[] = [];
  const app = qstashRoutes(engine, { ...options, onError: (error) => errors.push(error) });
  const listener = getRequestListener(app.fetch);
  const server = createServer((incoming, outgoing) => void listener(incoming, outgoing));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const port = portOf(server);

  const raw = async (request: string | Buffer) => {
    const socket = connect(port, "127.0.0.1");
    socket.write(request);
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk);
    return readAnswer(Buffer.concat(chunks).toString("utf8"));
  };
  const send: WireServer["send"] = (line, headerLines = [], body = "") => {
    const lines = [
      `${line} HTTP/1.1`,
      "Host: 127.0.0.1",
      "Connection: close",
      ...(headerLines.some((header) => /^authorization:/i.test(header))
        ? []
        : [`Authorization: Bearer ${FULL_TOKEN}`]),
      `Content-Length: ${Buffer.byteLength(body)}`,
      ...headerLines,
    ];
    return raw(
      Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), Buffer.from(body)]),
    );
  };
  const close = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  };
  const connections = promisify(server.getConnections.bind(server));
  return { engine, errors, connections, url: `http://127.0.0.1:${port}`, raw, send, close };
}

function readAnswer(text: string): RawAnswer {
  const [head = "", ...rest] = text.split("\r\n\r\n");
  const body = rest.join("\r\n\r\n");
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? Number.NaN);
  const json = (): unknown => JSON.parse(body);
  return { status, head, body, json, error: () => errorText(json()) };
}

function errorText(value: unknown): string {
  const entries = Object.entries(value ?? {});
  const [[name, text] = []] = entries;
  if (entries.length === 1 && name === "error" && typeof text === "string") return text;
  throw new Error(`not an error body: ${JSON.stringify(value)}`);
}
