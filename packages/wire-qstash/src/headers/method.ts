import type { Method } from "@omnistore/domain/message/message";
import { METHODS } from "@omnistore/domain/message/message";
import { refusal } from "./refusal.ts";

/** `Upstash-Method`: the method of the delivery, POST when absent. Contract 01 §3. */
export function decodeMethod(value: string | undefined): Method {
  if (value === undefined) return "POST";
  const method = METHODS.find((known) => known === value);
  if (method !== undefined) return method;
  throw refusal("Upstash-Method", value, `is not one of ${METHODS.join(", ")}`);
}
