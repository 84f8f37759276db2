import type { Message, PendingMessage } from "./message.ts";
import { messageIdTime } from "./message-id.ts";

/** A message that was due when it was accepted, with its times. */
export function dueAtOnce(message: Message): PendingMessage {
  const createdAt = messageIdTime(message.id);
  return { ...message, createdAt, notBefore: createdAt };
}
