import { Queue, Worker } from "bullmq";
import { Redis } from "ioredis";
import { Agent } from "undici";

import { post } from "../lab/post.ts";
import { answerQuestions } from "../lab/remote.ts";
import { serve } from "../lab/serve.ts";
import { gatherAndAnswer } from "../peers/gather-and-answer.ts";
import type { PeerProcess } from "../peers/peer.ts";

const QUEUE = "messages";
const CONCURRENT = 128;

/** BullMQ as it goes fastest: jobs added together, many at work at once, done ones removed. */
const peer: PeerProcess = {
  async listen({ redisPort, receiver }) {
    const connect = () =>
      new Redis({ host: "127.0.0.1", port: redisPort, maxRetriesPerRequest: null });
    const agent = new Agent({ connections: CONCURRENT, pipelining: 1 });
    const queue = new Queue<{ body: string }>(QUEUE, {
      connection: connect(),
      defaultJobOptions: { removeOnComplete: true },
    });
    const worker = new Worker<{ body: string }>(
      QUEUE,
      async ({ data }) => {
        const body = Buffer.from(data.body);
        await post(agent, { origin: receiver, path: "/", headers: {}, body });
      },
      { connection: connect(), concurrency: CONCURRENT },
    );
    await Promise.all([queue.waitUntilReady(), worker.waitUntilReady()]);
    return serve(
      gatherAndAnswer((batch) =>
        queue.addBulk(
          batch.map(({ id, body }) => ({ name: "deliver", data: { body }, opts: { jobId: id } })),
        ),
      ),
    );
  },
};

answerQuestions(peer);
