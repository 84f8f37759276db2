import { createSocket } from "node:dgram";
import { once } from "node:events";
import { Resolver } from "node:dns/promises";

import { decode, encode, RECURSION_AVAILABLE, type StringAnswer } from "dns-packet";

/** The addresses of a name, `missing` for a name that does not exist, `broken` for a server that cannot tell, or `silent` for no answer at all. */
export type NameAnswer = readonly string[] | "missing" | "broken" | "silent";

export interface NameServer {
  /** Where it listens, as a setting takes it. */
  readonly address: string;
  /** Asks this server and no other, once. */
  readonly resolver: Resolver;
  /** Every question so far, such as `A rebind.test`. */
  readonly questions: readonly string[];
  /** What to answer from now on. `asked` counts the questions of this name and type before this one. */
  reply(name: string, script: (asked: number) => NameAnswer): void;
  close(): void;
}

/** Response codes. */
const FAILURES = { broken: 2, missing: 3 } as const;

/** A real DNS server on a free port of the loopback interface, which answers by script. */
export async function startNameServer(): Promise<NameServer> {
  const scripts = new Map<string, (asked: number) => NameAnswer>();
  const questions: string[] = [];
  const socket = createSocket("udp4");
  socket.on("message", (packet, sender) => {
    const { id = 0, questions: [question] = [] } = decode(packet);
    if (question === undefined) return;
    const key = `${question.type} ${question.name}`;
    const asked = questions.filter((before) => before === key).length;
    questions.push(key);
    const answer = scripts.get(question.name)?.(asked) ?? "missing";
    if (answer === "silent") return;
    const isWanted = (address: string) => address.includes(":") === (question.type === "AAAA");
    const answers = (typeof answer === "string" ? [] : answer)
      .filter(isWanted)
      .map((data): StringAnswer => ({
        type: question.type === "AAAA" ? "AAAA" : "A",
        name: question.name,
        ttl: 0,
        data,
      }));
    const flags = RECURSION_AVAILABLE + (typeof answer === "string" ? FAILURES[answer] : 0);
    socket.send(
      encode({ type: "response", id, flags, questions: [question], answers }),
      sender.port,
      sender.address,
    );
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");

  const address = `127.0.0.1:${socket.address().port}`;
  const resolver = new Resolver({ timeout: 300, tries: 1 });
  resolver.setServers([address]);
  return {
    address,
    resolver,
    questions,
    reply: (name, script) => void scripts.set(name, script),
    close: () => void socket.close(),
  };
}
