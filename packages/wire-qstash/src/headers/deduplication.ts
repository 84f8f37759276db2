import { MAX_NAME_BYTES } from "@omnistore/domain/message/limits";
import type { Deduplication } from "@omnistore/domain/publish/publish-command";
import { decodeBoolean } from "./boolean.ts";
import { unprintable } from "./field-text.ts";
import { refusal } from "./refusal.ts";

const ID_HEADER = "Upstash-Deduplication-Id";

/** `Upstash-Deduplication-Id`, which wins, or `Upstash-Content-Based-Deduplication`. Contract 01 §5. */
export function decodeDeduplication(
  id: string | undefined,
  contentBased: string | undefined,
): Deduplication | undefined {
  const byContent = decodeBoolean("Upstash-Content-Based-Deduplication", contentBased);
  if (id === undefined) return byContent ? { kind: "content" } : undefined;
  if (id === "") throw refusal(ID_HEADER, id, "is empty");
  const problem = unprintable(id);
  if (problem !== null) throw refusal(ID_HEADER, id, problem);
  if (Buffer.byteLength(id) > MAX_NAME_BYTES) {
    throw refusal(ID_HEADER, id, `is longer than ${MAX_NAME_BYTES} bytes`);
  }
  return { kind: "id", id };
}
