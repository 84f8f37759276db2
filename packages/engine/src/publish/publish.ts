import { setTimeout as sleep } from "node:timers/promises";

import type { Message } from "@omnistore/domain/message/message";
import type { PublishCommand, PublishOutcome } from "@omnistore/domain/publish/publish-command";

import type { DataKey } from "../data-key.ts";
import type { DatabaseClock } from "../database-clock.ts";
import { BufferFullError } from "../group-commit.ts";
import { storedContent } from "../message-row.ts";
import type { MessageStore, StoreRequest } from "../store/message-store.ts";
import type { Vault } from "../vault.ts";
import { deduplicationKey } from "./deduplication-key.ts";
import { makeMessage, type KeepLimits } from "./make-message.ts";

/**
 * A refusal for want of room is held back so long: clients that come again at once would otherwise
 * have the process spend itself on refusing them.
 */
const REFUSAL_PAUSE_MS = 1_000;
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
  readonly vault: Vault;
  /** Told why a publish could not be stored; the publisher learns only that it was not. */
  readonly onError: (error: unknown) => void;
}

/** Makes a message of each command of one tenant; they are stored in one transaction, all or none. */
export async function publishTogether(
  parts: PublishParts,
  commands: readonly PublishCommand[],
  limits: KeepLimits,
): Promise<readonly PublishOutcome[]> {
  const nowMs = parts.clock.nowMs();
  const [first] = commands;
  if (first === undefined) return [];
  try {
    const key = await parts.vault.sealingKey(first.tenantId);
    const requests = commands.map((command) =>
      requestOf(makeMessage(command, nowMs, limits), command, key),
    );
    const answers = await parts.store.store(requests);
    return requests.map(({ message }, index) => {
      const messageId = answers[index] ?? message.id;
      return { kind: "accepted", messageId, deduplicated: messageId !== message.id };
    });
  } catch (error) {
    if (error instanceof BufferFullError) {
      await sleep(REFUSAL_PAUSE_MS);
      return commands.map(() => TOO_MUCH_WAITS);
    }
    parts.onError(error);
    return commands.map(() => NOTHING_STORED);
  }
}

function requestOf(message: Message, command: PublishCommand, key: DataKey | null): StoreRequest {
  return {
    message,
    due: command.due,
    deduplicationKey: deduplicationKey(command),
    content: storedContent(message, key),
  };
}
