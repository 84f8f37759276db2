import type { DeadLetterSelection } from "@omnistore/domain/dead-letter/selection";
import { quote } from "@omnistore/domain/quote";
import { InvalidRequest } from "../errors.ts";
import { reply } from "../reply.ts";
import { readBodyIds } from "../request/body-ids.ts";
import type { GivenDeadLetters } from "./dead-letter-selection.ts";
import { decodeGivenDeadLetters } from "./dead-letter-selection.ts";
import type { WireHandler, WireServices } from "./guarded.ts";
import { writeRoute, writeRouteWithQuery } from "./guarded.ts";
import { badCursor, knownIds } from "./pages.ts";
import type { KeptDeadLetters } from "./retention.ts";
import { keptDeadLetters } from "./retention.ts";

/** `DELETE /v2/dlq/{dlqId}`. Contract 03 §5. */
export function deleteDeadLetterRoute(services: WireServices): WireHandler {
  return writeRoute(services, async ({ caller, context }) => {
    const given = context.req.param("id") ?? "";
    const id = keptDeadLetters(services, caller).idOf(given);
    if (id !== null) {
      const selection = { kind: "ids", ids: [id] } as const;
      const outcome = await services.operations.deleteDeadLetters(caller.tenantId, selection);
      if (outcome.kind === "deleted" && outcome.deleted > 0) return reply(200, {});
    }
    throw new InvalidRequest(404, `dead letter ${quote(given)} not found`);
  });
}

/** `DELETE /v2/dlq`: by ids, unknown ones passed over, or a page of what passes the filters. */
export function deleteDeadLettersRoute(services: WireServices): WireHandler {
  return writeRouteWithQuery(services, async ({ caller, parameters, context, tell }) => {
    const bodyIds = await readBodyIds(context.env.incoming, "dlqIds");
    const given = decodeGivenDeadLetters(parameters, bodyIds);
    const selection = selectionOf(given, keptDeadLetters(services, caller));
    if (selection === null) return reply(200, { deleted: 0 });
    const outcome = await services.operations.deleteDeadLetters(caller.tenantId, selection);
    if (outcome.kind === "bad-cursor") throw badCursor(parameters);
    tell(`${outcome.deleted} deleted`);
    return reply(200, { deleted: outcome.deleted, cursor: outcome.cursor });
  });
}

function selectionOf(given: GivenDeadLetters, kept: KeptDeadLetters): DeadLetterSelection | null {
  switch (given.kind) {
    case "ids":
      return { kind: "ids", ids: knownIds(given.texts, kept.idOf) };
    case "page":
      return { kind: "page", query: kept.within(given.query) };
    case "none":
      return null;
  }
}
