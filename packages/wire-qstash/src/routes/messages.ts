import { quote } from "@omnistore/domain/quote";
import { InvalidRequest } from "../errors.ts";
import { decodeMessageId } from "../ids.ts";
import { reply } from "../reply.ts";
import { messageView } from "../views/message-view.ts";
import type { WireHandler, WireServices } from "./guarded.ts";
import { readRoute } from "./guarded.ts";

/** `GET /v2/messages/{id}`: a message that is still to be delivered. Contract 03 §1. */
export function getMessageRoute(services: WireServices): WireHandler {
  return readRoute(services, async ({ caller, context }) => {
    const given = context.req.param("id") ?? "";
    const id = decodeMessageId(given);
    const message = id === null ? null : await services.operations.getMessage(caller.tenantId, id);
    if (message === null) throw new InvalidRequest(404, `message ${quote(given)} not found`);
    return reply(200, messageView(message));
  });
}
