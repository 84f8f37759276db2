import { callbackCommand } from "@omnistore/domain/callback/callback-command";
import { planCallbacks } from "@omnistore/domain/callback/plan-callbacks";
import type { CallbackSource, DeliveryWire } from "@omnistore/domain/delivery-wire";
import type { NextStep } from "@omnistore/domain/retry/next-attempt";
import { makeMessage, type KeepLimits } from "@omnistore/engine/publish/make-message";
import type { MessageToStore } from "@omnistore/engine/publish/transaction-store";

/** An attempt that is over, as its callbacks tell it. */
interface AttemptToTell extends Omit<CallbackSource, "deadLetterId"> {
  readonly next: NextStep["kind"];
  /** Null unless the message was given up. */
  readonly deadLetterId: string | null;
}

const NONE: readonly MessageToStore[] = [];

/** The callbacks of an attempt, as messages that are to be stored together with its outcome. */
export function makeCallbacks(
  wire: Pick<DeliveryWire, "callbackBody">,
  { next, deadLetterId, ...source }: AttemptToTell,
  { nowMs, limits }: { readonly nowMs: number; readonly limits: KeepLimits },
): readonly MessageToStore[] {
  const planned = planCallbacks(source.message.options, next);
  if (planned.length === 0) return NONE;
  return planned.map(({ callback, isFailureCallback }) => {
    const tellsOfDeath = isFailureCallback && deadLetterId !== null;
    const body = wire.callbackBody({ ...source, ...(tellsOfDeath ? { deadLetterId } : {}) });
    const command = callbackCommand(callback, source.message, body, nowMs);
    return { message: makeMessage(command, nowMs, limits), due: command.due };
  });
}
