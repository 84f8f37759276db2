import { setTimeout as sleep } from "node:timers/promises";

import { PgBoss } from "pg-boss";
import { Agent } from "undici";

import { post } from "../lab/post.ts";
import { answerQuestions } from "../lab/remote.ts";
import { serve } from "../lab/serve.ts";
import { gatherAndAnswer } from "../peers/gather-and-answer.ts";
import type { PeerProcess } from "../peers/peer.ts";

const QUEUE = "messages";
/** Fetches under way at once: while one batch is delivered, the next is fetched. */
const FETCHERS = 2;
const BATCH = 500;
const IDLE_MS = 10;

/** pg-boss as it goes fastest: batch inserts, big fetches without its polling, done jobs deleted in one statement. */
const peer: PeerProcess = {
  async listen({ databaseUrl, receiver }) {
    const boss = new PgBoss({
      connectionString: databaseUrl,
      max: 10,
      supervise: false,
      schedule: false,
    });
    await boss.start();
    await boss.createQueue(QUEUE);
    const agent = new Agent({ connections: 128, pipelining: 1 });

    async function work(): Promise<never> {
      for (;;) {
        const jobs = await boss.fetch<{ body: string }>(QUEUE, { batchSize: BATCH });
        if (jobs.length === 0) {
          await sleep(IDLE_MS);
          continue;
        }
        await Promise.all(
          jobs.map(({ data }) =>
            post(agent, { origin: receiver, path: "/", headers: {}, body: Buffer.from(data.body) }),
          ),
        );
        await boss.deleteJob(
          QUEUE,
          jobs.map(({ id }) => id),
        );
      }
    }
    for (let fetcher = 0; fetcher < FETCHERS; fetcher += 1) void work();

    return serve(
      gatherAndAnswer((batch) =>
        boss.insert(
          QUEUE,
          batch.map(({ id, body }) => ({ id, data: { body } })),
        ),
      ),
    );
  },
};

answerQuestions(peer);
