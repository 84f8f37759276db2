import { randomUUID } from "node:crypto";

import { Hono } from "hono";

import { answerQuestions } from "../lab/remote.ts";
import { serve } from "../lab/serve.ts";

/** The least an endpoint can do: read the body, answer with an id, keep nothing. */
const app = new Hono().post("/publish", async (c) => {
  await c.req.text();
  return c.json({ messageId: randomUUID() });
});

const handlers = { listen: () => serve(app) };

export type BareEndpointProcess = typeof handlers;

answerQuestions(handlers);
