import { SIGNING_KEYS_STAY } from "@omnistore/domain/tenant/tenant";

import { InvalidRequest } from "../errors.ts";
import { reply } from "../reply.ts";
import { redactedText } from "../views/redact.ts";
import type { WireHandler, WireServices } from "./guarded.ts";
import { readRoute, writeRoute } from "./guarded.ts";

/** `GET /v2/keys`, redacted for who may not sign; the official client also probes a development server by it. Contract 03 §7, 05 §4. */
export function getKeysRoute(services: WireServices): WireHandler {
  return readRoute(services, async ({ caller }) => {
    const { current, next } = await services.operations.getSigningKeys(caller.tenantId);
    if (caller.role === "full") return reply(200, { current, next });
    return reply(200, { current: redactedText(current), next: redactedText(next) });
  });
}

/** `POST /v2/keys/rotate`: the keys as they are afterwards. Contract 03 §7. */
export function rotateKeysRoute(services: WireServices): WireHandler {
  return writeRoute(services, async ({ caller }) => {
    const keys = await services.operations.rotateSigningKeys(caller.tenantId);
    if (keys === null) throw new InvalidRequest(403, SIGNING_KEYS_STAY);
    return reply(200, { current: keys.current, next: keys.next });
  });
}
