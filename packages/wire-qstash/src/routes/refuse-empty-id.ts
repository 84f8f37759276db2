import { InvalidRequest } from "../errors.ts";
import type { WireHandler, WireServices } from "./guarded.ts";
import { writeRouteWithQuery } from "./guarded.ts";

/**
 * A collection's path with a slash behind it and a method that changes things: an id got lost on the
 * way, and everything is not what was meant. Contract 07 Q21.
 */
export function refuseEmptyId(services: WireServices, collection: string): WireHandler {
  return writeRouteWithQuery(services, () =>
    Promise.reject(
      new InvalidRequest(
        400,
        `the id behind ${collection}/ is empty; to mean many, leave out the last slash`,
      ),
    ),
  );
}
