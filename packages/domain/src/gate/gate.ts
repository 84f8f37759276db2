import type { Message } from "../message/message.ts";

/** What a delivery may have to wait at, numbered in the order in which it passes. */
export const GATE_KINDS = { queue: 1, flow: 2 } as const;
export type GateKind = keyof typeof GATE_KINDS;

/** True when a message may have to wait although it is due. */
export function isGated({ options }: Message): boolean {
  return options.queueName !== undefined || options.flowControl !== undefined;
}
