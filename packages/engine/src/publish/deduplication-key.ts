import { createHash } from "node:crypto";

import type { PublishCommand } from "@omnistore/domain/publish/publish-command";

/**
 * What makes two publishes of a tenant the same inside the window, as a SHA-256: the id that the
 * publisher gave, or destination, body, content type and forwarded headers. A message to a topic
 * has a key of its own at each endpoint. Contract 01 §5, 07 Q8.
 */
export function deduplicationKey(command: PublishCommand): Buffer | null {
  const { deduplication, destination, headers } = command;
  if (deduplication === undefined) return null;
  const { topicName, endpointName } = command.options;
  const endpoint = topicName === undefined ? [] : [topicName, endpointName, destination];
  if (deduplication.kind === "id") {
    return createHash("sha256")
      .update(JSON.stringify(["id", deduplication.id, ...endpoint]))
      .digest();
  }
  // Sorted: the order in which a client sends headers is not content.
  const sorted = Object.entries(headers).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return createHash("sha256")
    .update(JSON.stringify(["content", destination, sorted, ...endpoint]))
    .update("\0")
    .update(command.body)
    .digest();
}
