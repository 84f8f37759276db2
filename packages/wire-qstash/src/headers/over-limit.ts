import { limitText } from "@omnistore/domain/tenant/limit-text";
import type { Plan } from "@omnistore/domain/tenant/plans";
import type { InvalidRequest } from "../errors.ts";
import { refusal } from "./refusal.ts";

/** To be thrown where a header asks for more than the plan allows. Contract 06 §4. */
export function overLimit(
  header: string,
  value: string,
  plan: Plan,
  limit: "delayMs" | "retries" | "timeoutMs",
): InvalidRequest {
  return refusal(header, value, `is more than ${limitText(plan, limit)}`, 412);
}
