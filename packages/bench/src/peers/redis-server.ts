import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { createInterface } from "node:readline";

import type { Lab } from "../lab/lab.ts";

/** Starts Debian's redis-server, writing each second to disk. Resolves with its port, or null where there is none. */
export async function startRedis(lab: Lab): Promise<number | null> {
  const port = await freePort();
  const server = spawn(
    "redis-server",
    [
      "--port",
      String(port),
      "--bind",
      "127.0.0.1",
      "--dir",
      lab.makeFolder("redis"),
      "--appendonly",
      "yes",
      "--appendfsync",
      "everysec",
      "--save",
      "",
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const isThere = await Promise.race([
    once(server, "spawn").then(() => true),
    once(server, "error").then(() => false),
  ]);
  if (!isThere) return null;
  lab.onClose(async () => {
    server.kill();
    if (server.exitCode === null) await once(server, "exit");
  });
  for await (const line of createInterface({ input: server.stdout })) {
    if (line.includes("Ready to accept connections")) break;
  }
  server.stdout.resume();
  return port;
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  return typeof address === "object" ? (address?.port ?? 0) : 0;
}
