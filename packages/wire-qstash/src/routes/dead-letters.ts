import { quote } from "@omnistore/domain/quote";
import { InvalidRequest } from "../errors.ts";
import { reply } from "../reply.ts";
import { deadLetterView } from "../views/dead-letter-view.ts";
import { decodeDeadLetterQuery } from "./dead-letter-query.ts";
import type { WireHandler, WireServices } from "./guarded.ts";
import { readRoute } from "./guarded.ts";
import { ListParameters } from "./list-parameters.ts";
import { EMPTY_PAGE, pageOf } from "./pages.ts";
import { keptDeadLetters } from "./retention.ts";

/** `GET /v2/dlq`. Contract 03 §5. */
export function listDeadLettersRoute(services: WireServices): WireHandler {
  return readRoute(services, async ({ caller, parameters }) => {
    const query = decodeDeadLetterQuery(new ListParameters(parameters));
    const page =
      query === null
        ? EMPTY_PAGE
        : pageOf(
            await services.operations.listDeadLetters(
              caller.tenantId,
              keptDeadLetters(services, caller).within(query),
            ),
            query.cursor,
          );
    return reply(200, { messages: page.items.map(deadLetterView), cursor: page.cursor });
  });
}

/** `GET /v2/dlq/{dlqId}`. Contract 03 §5. */
export function getDeadLetterRoute(services: WireServices): WireHandler {
  return readRoute(services, async ({ caller, context }) => {
    const given = context.req.param("id") ?? "";
    const id = keptDeadLetters(services, caller).idOf(given);
    const entry = id === null ? null : await services.operations.getDeadLetter(caller.tenantId, id);
    if (entry === null) throw new InvalidRequest(404, `dead letter ${quote(given)} not found`);
    return reply(200, deadLetterView(entry));
  });
}
