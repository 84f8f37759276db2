import { createServer } from "node:http";

import type { Arrival } from "../soak/judge.ts";
import { nowMs } from "../soak/now.ts";

// The receiver of a soak, a process of its own that nobody kills. It answers as the path says and
// keeps a journal, which GET /journal returns as JSON lines.
//
//   /ok /topic/* /tick/* /queue/* /flow/*   200
//   /slow                                   200, after half a second
//   /retry/N                                500 until the attempt has been retried N times
//   /dead                                   500

const ANSWER_AFTER_MS = 8;
const SLOW_MS = 500;

type Entry = { -readonly [Key in keyof Arrival]: Arrival[Key] };
const journal: Entry[] = [];

const server = createServer((request, response) => {
  const path = request.url ?? "";
  if (path === "/journal") {
    for (const entry of journal) response.write(`${JSON.stringify(entry)}\n`);
    response.end();
    return;
  }
  const entry: Entry = {
    id: String(request.headers["upstash-message-id"]),
    retried: Number(request.headers["upstash-retried"] ?? 0),
    path,
    atMs: nowMs(),
    endedMs: null,
    status: null,
  };
  journal.push(entry);
  request.resume();
  // Answered, or broken off by the other side: from now on it is not under way any more.
  response.once("close", () => (entry.endedMs ??= nowMs()));
  setTimeout(
    () => {
      if (response.destroyed) return;
      entry.endedMs = nowMs();
      entry.status = statusFor(path, entry.retried);
      response.writeHead(entry.status).end();
    },
    path === "/slow" ? SLOW_MS : ANSWER_AFTER_MS,
  );
});

function statusFor(path: string, retried: number): number {
  if (path === "/dead") return 500;
  const failures = /^\/retry\/(\d+)/.exec(path)?.[1];
  return failures !== undefined && retried < Number(failures) ? 500 : 200;
}

server.keepAliveTimeout = 60_000;
server.listen(Number(process.argv[2]), "127.0.0.1", () => {
  process.stdout.write("the receiver is listening\n");
});
