import type { Callback, MessageOptions } from "../message/message.ts";
import type { NextStep } from "../retry/next-attempt.ts";

/** A callback that an attempt calls for. */
export interface PlannedCallback {
  readonly callback: Callback;
  /** Whether it tells that the message has failed for good. */
  readonly isFailureCallback: boolean;
}

/**
 * Which callbacks follow an attempt, in the order they are published: the callback always, the
 * failure callback when the message was given up. Contract 02 §5.
 */
export function planCallbacks(
  { callback, failureCallback }: Pick<MessageOptions, "callback" | "failureCallback">,
  next: NextStep["kind"],
): readonly PlannedCallback[] {
  const planned: PlannedCallback[] = [];
  if (callback !== undefined) planned.push({ callback, isFailureCallback: false });
  if (failureCallback !== undefined && next === "dead") {
    planned.push({ callback: failureCallback, isFailureCallback: true });
  }
  return planned;
}

/** Whether an attempt may be followed by a callback, which tells the whole answer. */
export function hasCallbacks({
  callback,
  failureCallback,
}: Pick<MessageOptions, "callback" | "failureCallback">): boolean {
  return callback !== undefined || failureCallback !== undefined;
}
