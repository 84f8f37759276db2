import { InvalidRequest } from "../errors.ts";
import type { WireHandler, WireServices } from "./guarded.ts";
import { writeRoute } from "./guarded.ts";

/** `POST /llm/v1/chat/completions`, deprecated: this server relays to no model. Contract 01 §11. */
export function chatRoute(services: WireServices): WireHandler {
  return writeRoute(services, () =>
    Promise.reject(
      new InvalidRequest(
        404,
        "no LLM provider is configured on this server: publish to the provider's own URL instead",
      ),
    ),
  );
}
