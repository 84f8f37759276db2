import { Agent } from "undici";

import { machineClockMs } from "../lab/machine-clock.ts";
import { post } from "../lab/post.ts";
import { answerQuestions } from "../lab/remote.ts";
import { stampedBody } from "../lab/stamped-body.ts";

interface Sending {
  readonly origin: string;
  readonly path: string;
  readonly count: number;
  readonly inFlight: number;
  readonly bodyBytes: number;
}

/** What a dispatcher could do at most: POSTs to the receiver and nothing else. Resolves with requests per second. */
async function send({ origin, path, count, inFlight, bodyBytes }: Sending): Promise<number> {
  const agent = new Agent({ pipelining: 1 });
  const startedAtMs = machineClockMs();
  let taken = 0;
  async function one(): Promise<void> {
    while ((taken += 1) <= count) {
      const body = stampedBody(bodyBytes, machineClockMs());
      await post(agent, { origin, path, headers: {}, body });
    }
  }
  await Promise.all(Array.from({ length: inFlight }, one));
  const rate = (count / (machineClockMs() - startedAtMs)) * 1000;
  await agent.close();
  return rate;
}

const handlers = { send };

export type SenderProcess = typeof handlers;

answerQuestions(handlers);
