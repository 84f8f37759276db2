import { MAX_LABELS, MAX_NAME_BYTES } from "@omnistore/domain/message/limits";
import { unprintable } from "./field-text.ts";
import { refusal } from "./refusal.ts";

const HEADER = "Upstash-Label";

/**
 * `Upstash-Label`: labels separated by commas, blanks around them trimmed, empty ones left out.
 * Any printable text. Contract 01 §3, 07 Q16.
 */
export function decodeLabels(value: string | undefined): readonly string[] | undefined {
  if (value === undefined) return undefined;
  const labels = value
    .split(",")
    .map((label) => label.trim())
    .filter((label) => label !== "");
  if (labels.length > MAX_LABELS) {
    throw refusal(HEADER, value, `has ${labels.length} labels, the limit is ${MAX_LABELS}`);
  }
  for (const label of labels) {
    const problem = unprintable(label);
    if (problem !== null) throw refusal(HEADER, label, problem);
    if (Buffer.byteLength(label) > MAX_NAME_BYTES) {
      throw refusal(HEADER, label, `is longer than ${MAX_NAME_BYTES} bytes`);
    }
  }
  return labels.length === 0 ? undefined : labels;
}
