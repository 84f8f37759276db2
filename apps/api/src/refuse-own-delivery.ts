import type { IncomingMessage } from "node:http";

import { deliveredMessageId } from "@omnistore/wire-qstash";

import type { Refusal } from "./refuse-request.ts";

/** A message that makes messages could go round for ever, so hosted mode takes none. */
export function refuseOwnDelivery({ headers }: IncomingMessage): Refusal | null {
  const id = deliveredMessageId(headers);
  if (id === null) return null;
  return {
    status: 400,
    error: `the request is itself a delivery, of message ${id}: this would loop`,
  };
}
