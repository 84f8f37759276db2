import { MAX_NAME_BYTES } from "@omnistore/domain/message/limits";
import { refusal } from "./refusal.ts";

const NAME = /^[A-Za-z0-9._-]+$/;

/** Clients take these away from a path before they send it: what is called so could not be addressed. */
export function isDotSegment(text: string): boolean {
  return text === "." || text === "..";
}

/** Whether a text may name a queue, topic or schedule. Contract 00 §5. */
export function isName(text: string): boolean {
  return NAME.test(text) && !isDotSegment(text) && text.length <= MAX_NAME_BYTES;
}

/** A name of a queue, topic or schedule as it is; 400 naming `field` when it is none. Contract 00 §5. */
export function checkName(field: string, value: string): string {
  if (isName(value)) return value;
  if (isDotSegment(value)) throw refusal(field, value, "cannot be addressed in a path");
  const problem = `is not a name of up to ${MAX_NAME_BYTES} letters, digits, dots, hyphens and underscores`;
  throw refusal(field, value, problem);
}
