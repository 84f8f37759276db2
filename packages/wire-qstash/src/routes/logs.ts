import { reply } from "../reply.ts";
import { logView } from "../views/log-view.ts";
import type { WireHandler, WireServices } from "./guarded.ts";
import { readRoute } from "./guarded.ts";
import { ListParameters } from "./list-parameters.ts";
import { decodeLogQuery } from "./log-query.ts";
import { withinRetention } from "./retention.ts";
import { EMPTY_PAGE, pageOf } from "./pages.ts";

/**
 * The log, under the two names it has: `GET /v2/events` answers `{events}`, `GET /v2/logs` answers
 * `{logs}`. Contract 03 §8, 07 Q2.
 */
export function listLogsRoute(services: WireServices, key: "events" | "logs"): WireHandler {
  return readRoute(services, async ({ caller, parameters }) => {
    const query = decodeLogQuery(new ListParameters(parameters));
    const page =
      query === null
        ? EMPTY_PAGE
        : pageOf(
            await services.operations.listLogs(
              caller.tenantId,
              withinRetention(
                query,
                caller.plan.limits.logRetentionDays,
                services.operations.nowMs(),
              ),
            ),
            query.cursor,
          );
    return reply(200, { [key]: page.items.map(logView), cursor: page.cursor });
  });
}
