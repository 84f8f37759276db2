import type { PublishCommand, PublishOutcome } from "@omnistore/domain/publish/publish-command";

import type { DatabaseClock } from "../database-clock.ts";
import { BufferFullError } from "../group-commit.ts";
import type { MessageStore } from "../store/message-store.ts";
import { deduplicationKey } from "./deduplication-key.ts";
import { makeMessage } from "./make-message.ts";

const TOO_MUCH_WAITS: PublishOutcome = {
  kind: "unavailable",
  reason: "too many messages are waiting",
  retryAfterSeconds: 1,
};
const NOTHING_STORED: PublishOutcome = {
  kind: "unavailable",
  reason: "the database is unavailable",
  retryAfterSeconds: 1,
};

export interface PublishParts {
  readonly store: MessageStore;
  readonly clock: DatabaseClock;
  /** Told why a publish could not be stored; the publisher learns only that it was not. */
  readonly onError: (error: unknown) => void;
}

/** Makes a message of each command; they are stored in one transaction, all or none. */
export async function publishTogether(
  parts: PublishParts,
  commands: readonly PublishCommand[],
): Promise<readonly PublishOutcome[]> {
  const nowMs = parts.clock.nowMs();
  const requests = commands.map((command) => ({
    message: makeMessage(command, nowMs),
    due: command.due,
    deduplicationKey: deduplicationKey(command),
  }));
  try {
    const answers = await parts.store.store(requests);
    return requests.map(({ message }, index) => {
      const messageId = answers[index] ?? message.id;
      return { kind: "accepted", messageId, deduplicated: messageId !== message.id };
    });
  } catch (error) {
    if (error instanceof BufferFullError) return commands.map(() => TOO_MUCH_WAITS);
    parts.onError(error);
    return commands.map(() => NOTHING_STORED);
  }
}
