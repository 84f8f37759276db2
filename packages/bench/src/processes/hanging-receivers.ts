import { createServer, type ServerResponse } from "node:http";

import { answerQuestions } from "../lab/remote.ts";

/** Requests that wait for an answer; undefined while all are answered. */
let held: ServerResponse[] | undefined;
let answered = 0;
let waiting: { readonly count: number; readonly resolve: () => void } | undefined;

function answer(response: ServerResponse): void {
  response.end("ok");
  answered += 1;
  if (waiting && answered >= waiting.count) waiting.resolve();
}

const server = createServer((request, response) => {
  request.resume();
  if (held === undefined) answer(response);
  else held.push(response);
});

const handlers = {
  /** One server that is as many hosts as there are loopback addresses; resolves with their port. */
  listen: () =>
    new Promise<number>((resolve) => {
      server.listen(0, "0.0.0.0", () => {
        const address = server.address();
        resolve(typeof address === "object" ? (address?.port ?? 0) : 0);
      });
    }),
  /** Answers nothing from now on. */
  hang: () => {
    held = [];
    answered = 0;
  },
  /** Requests that hang. */
  countHeld: () => held?.length ?? 0,
  /** Answers everything from now on; resolves when it was so many since it began to hang. */
  answerAll: (count: number) =>
    new Promise<void>((resolve) => {
      waiting = { count, resolve };
      const hanging = held ?? [];
      held = undefined;
      for (const response of hanging) answer(response);
    }),
};

export type HangingReceiversProcess = typeof handlers;

answerQuestions(handlers);
