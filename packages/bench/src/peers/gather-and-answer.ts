import { randomUUID } from "node:crypto";

import { GroupCommit } from "@omnistore/engine/group-commit";
import { Hono } from "hono";

/** A message as a peer queues it. */
export interface PeerMessage {
  readonly id: string;
  readonly body: string;
}

const LIMITS = {
  batchRows: 500,
  batchWeight: 2 ** 24,
  waitingRows: 20_000,
  waitingMs: Number.POSITIVE_INFINITY,
  burstRows: 0,
  waitingWeight: 2 ** 28,
};

/**
 * The endpoint that all peers have in front: no authentication, nothing to validate, and our own
 * group commit, so that each stores as many messages at once as it likes best.
 */
export function gatherAndAnswer(insert: (batch: readonly PeerMessage[]) => Promise<unknown>): Hono {
  const commit = new GroupCommit<PeerMessage, null>(async (batch) => {
    await insert(batch);
    return batch.map(() => null);
  }, LIMITS);
  return new Hono().post("/publish", async (c) => {
    const message = { id: randomUUID(), body: await c.req.text() };
    await commit.submit(message, { rows: 1, weight: message.body.length });
    return c.json({ messageId: message.id });
  });
}
