import type { DeadLetterSelection } from "@omnistore/domain/dead-letter/selection";
import { InvalidRequest, quote } from "../errors.ts";
import { decodeDeadLetterId } from "../ids.ts";
import { reply } from "../reply.ts";
import { readBodyIds } from "../request/body-ids.ts";
import type { GivenDeadLetters } from "./dead-letter-selection.ts";
import { decodeGivenDeadLetters } from "./dead-letter-selection.ts";
import type { WireHandler, WireServices } from "./guarded.ts";
import { writeRoute } from "./guarded.ts";
import { badCursor, knownIds } from "./pages.ts";

/** `DELETE /v2/dlq/{dlqId}`. Contract 03 §5. */
export function deleteDeadLetterRoute({ operations, onError }: WireServices): WireHandler {
  return writeRoute({ operations, onError }, async ({ caller, context }) => {
    const given = context.req.param("id") ?? "";
    const selection = ofIds([given]);
    const outcome = await operations.deleteDeadLetters(caller.tenantId, selection);
    if (outcome.kind === "deleted" && outcome.deleted > 0) return reply(200, {});
    throw new InvalidRequest(404, `dead letter ${quote(given)} not found`);
  });
}

/** `DELETE /v2/dlq`: by ids, unknown ones passed over, or a page of what passes the filters. */
export function deleteDeadLettersRoute({ operations, onError }: WireServices): WireHandler {
  return writeRoute({ operations, onError }, async ({ caller, parameters, context }) => {
    const bodyIds = await readBodyIds(context.env.incoming, "dlqIds");
    const selection = selectionOf(decodeGivenDeadLetters(parameters, bodyIds));
    if (selection === null) return reply(200, { deleted: 0 });
    const outcome = await operations.deleteDeadLetters(caller.tenantId, selection);
    if (outcome.kind === "bad-cursor") throw badCursor(parameters);
    return reply(200, { deleted: outcome.deleted, cursor: outcome.cursor });
  });
}

function selectionOf(given: GivenDeadLetters): DeadLetterSelection | null {
  switch (given.kind) {
    case "ids":
      return ofIds(given.texts);
    case "page":
      return given;
    case "none":
      return null;
  }
}

function ofIds(texts: readonly string[]): DeadLetterSelection {
  return { kind: "ids", ids: knownIds(texts, decodeDeadLetterId) };
}
