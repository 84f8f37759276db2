import type { Operations } from "@omnistore/domain/operations";
import type { PublishCommand, PublishOutcome } from "@omnistore/domain/publish/publish-command";
import type { Plan } from "@omnistore/domain/tenant/plans";
import { encodeMessageId } from "../ids.ts";
import { reply } from "../reply.ts";
import type { Receivers } from "./receivers.ts";

/** What became of one publish, as its publisher is told. */
export type PublishAnswer =
  | {
      readonly kind: "accepted";
      /** Nothing new was stored. */
      readonly isDuplicate: boolean;
      readonly value: unknown;
    }
  | Exclude<PublishOutcome, { kind: "accepted" }>;

/**
 * Hands commands to the engine and waits until they are durable. The answer is an object for a URL
 * and an array in the order of the endpoints for a topic. Contract 01 §8, 07 Q1.
 */
export async function submit(
  operations: Pick<Operations, "publish" | "publishTogether">,
  receivers: Receivers,
  commands: readonly PublishCommand[],
  plan: Plan,
): Promise<PublishAnswer> {
  const [only] = commands;
  if (receivers.kind === "url" && only !== undefined) {
    const outcome = await operations.publish(only, plan);
    if (outcome.kind !== "accepted") return outcome;
    return { kind: "accepted", isDuplicate: outcome.deduplicated, value: view(outcome) };
  }
  const accepted: Accepted[] = [];
  for (const outcome of await operations.publishTogether(commands, plan)) {
    if (outcome.kind !== "accepted") return outcome;
    accepted.push(outcome);
  }
  return {
    kind: "accepted",
    isDuplicate: accepted.every(({ deduplicated }) => deduplicated),
    value: accepted.map((outcome, index) => view(outcome, commands[index]?.destination)),
  };
}

type Accepted = Extract<PublishOutcome, { kind: "accepted" }>;

/** `url` tells the messages of a topic apart. */
function view({ messageId, deduplicated }: Accepted, url?: string) {
  return {
    messageId: encodeMessageId(messageId),
    ...(url === undefined ? {} : { url }),
    ...(deduplicated ? { deduplicated } : {}),
  };
}

/** 503: nothing was stored, and it may be sent again. */
export function unavailableReply({
  reason,
  retryAfterSeconds,
}: Extract<PublishOutcome, { kind: "unavailable" }>): Response {
  const retryAfter = String(Math.max(1, Math.ceil(retryAfterSeconds)));
  return reply(503, { error: reason }, { "retry-after": retryAfter });
}
