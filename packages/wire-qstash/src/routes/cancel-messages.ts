import { quote } from "@omnistore/domain/quote";
import { InvalidRequest } from "../errors.ts";
import { decodeMessageId } from "../ids.ts";
import { reply } from "../reply.ts";
import { readBodyIds } from "../request/body-ids.ts";
import { decodeCancelSelection } from "./cancel-query.ts";
import type { WireHandler, WireServices } from "./guarded.ts";
import { writeRoute, writeRouteWithQuery } from "./guarded.ts";

/** `DELETE /v2/messages/{id}`. Whatever is under way when it is cancelled may still arrive. */
export function cancelMessageRoute({ operations, onError }: WireServices): WireHandler {
  return writeRoute({ operations, onError }, async ({ caller, context }) => {
    const given = context.req.param("id") ?? "";
    const id = decodeMessageId(given);
    const cancelled =
      id === null
        ? 0
        : await operations.cancelMessages(caller.tenantId, { kind: "ids", messageIds: [id] });
    if (cancelled === 0) throw new InvalidRequest(404, `message ${quote(given)} not found`);
    return reply(200, { cancelled });
  });
}

/** `DELETE /v2/messages`: by ids, by filters, or everything. Contract 03 §1. */
export function cancelMessagesRoute({ operations, onError }: WireServices): WireHandler {
  return writeRouteWithQuery({ operations, onError }, async (request) => {
    const { caller, parameters, context, tell } = request;
    const bodyIds = await readBodyIds(context.env.incoming, "messageIds");
    const selection = decodeCancelSelection(parameters, bodyIds);
    const cancelled = await operations.cancelMessages(caller.tenantId, selection);
    tell(`${cancelled} cancelled`);
    return reply(200, { cancelled });
  });
}
