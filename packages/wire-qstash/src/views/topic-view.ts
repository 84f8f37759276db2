import type { Topic } from "@omnistore/domain/topic/topic";
import { unlessEmpty } from "./common-fields.ts";
import { redactSettings } from "./redact.ts";

/** A topic as `GET /v2/topics/{name}` shows it; an undefined field is left out. Contract 03 §4. */
export function topicView({ name, createdAt, updatedAt, endpoints, headers }: Topic) {
  return { name, createdAt, updatedAt, endpoints, headers: unlessEmpty(redactSettings(headers)) };
}
