import { inTransaction, type Pool } from "@omnistore/db/client";
import {
  afterPassing,
  allowance,
  periodGuardMs,
  type GateState,
} from "@omnistore/domain/gate/allowance";
import type { GateKind } from "@omnistore/domain/gate/gate";

import type { LeasedDelivery } from "../leased-delivery.ts";
import { countActive, lockDueGates, updateGates, type DueGate } from "./due-gates.sql.ts";
import { passThrough } from "./pass-through.sql.ts";
import { BOUNDLESS, type TenantRooms } from "./tenant-rooms.ts";

/** Gates of one look. */
const BATCH = 64;

/**
 * Looks at the gates that are due and lets through what their rules allow, at most `slots`
 * deliveries, leased to `owner`; those of `saturated` tenants stay shut, and for each that passes a
 * place of its tenant is held. Exact with any number of dispatchers: a gate is locked while it is
 * looked at, and what is under way is counted from the queue itself, after the lock.
 */
export async function openGates(
  pool: Pool,
  owner: string,
  slots: number,
  saturated: readonly string[] = [],
  rooms: TenantRooms = BOUNDLESS,
): Promise<readonly LeasedDelivery[]> {
  const throughQueues = await openKind(pool, "queue", owner, slots, saturated, rooms);
  const left = slots - throughQueues.length;
  const throughFlow = await openKind(pool, "flow", owner, left, saturated, rooms);
  return [...throughQueues, ...throughFlow];
}

async function openKind(
  pool: Pool,
  kind: GateKind,
  owner: string,
  slots: number,
  saturated: readonly string[],
  rooms: TenantRooms,
): Promise<readonly LeasedDelivery[]> {
  const held: string[] = [];
  let leased: readonly LeasedDelivery[] = [];
  try {
    leased = await inTransaction(pool, async (client) => {
      const gates = await lockDueGates(client, kind, owner, BATCH, saturated);
      if (gates.length === 0) return [];
      await rooms.prepare(gates.map(({ tenantId }) => tenantId));
      const { nowMs, active } = await countActive(client, kind, gates);
      const most = ({ tenantId }: DueGate) =>
        kind === "queue" ? rooms.ofQueue(tenantId) : Infinity;
      const states = gates.map((gate, index) =>
        stateOf(gate, nowMs, active[index] ?? 0, most(gate)),
      );
      const shared = sharePlaces(states.map(allowance), Math.max(0, slots));
      const places = gates.map(({ tenantId }, index) => {
        const granted = rooms.hold(tenantId, shared[index] ?? 0);
        for (let place = 0; place < granted; place += 1) held.push(tenantId);
        return granted;
      });
      const passed = await passThrough(
        client,
        kind,
        gates.map(({ tenantId, name }, index) => ({ tenantId, name, places: places[index] ?? 0 })),
        owner,
      );
      const updates = gates.map((gate, index) => {
        const through = passed.filter((one) => nameOf(one) === nameOf(gate)).length;
        const state = states[index] ?? stateOf(gate, nowMs, 0, most(gate));
        return { gate, ...afterPassing(state, through, places[index] ?? 0) };
      });
      await updateGates(client, kind, updates);
      const counted = new Map(
        updates.flatMap(({ gate, periodStartedAtMs }) => {
          if (gate.rate === null || periodStartedAtMs === null) return [];
          const startByMs = nowMs + periodGuardMs(gate.periodMs);
          const isOpening = periodStartedAtMs === nowMs;
          return [[nameOf(gate), { key: gate.name, startByMs, periodStartedAtMs, isOpening }]];
        }),
      );
      return passed
        .filter(({ isLeased }) => isLeased)
        .map(({ tenantId, messageId, retried, name }) => {
          const start = counted.get(nameOf({ tenantId, name }));
          const delivery = { tenantId, messageId, retried, owner, isGated: true };
          return start === undefined ? delivery : { ...delivery, counted: start };
        });
    });
    return leased;
  } finally {
    for (const { tenantId } of leased) held.splice(held.indexOf(tenantId), 1);
    for (const tenantId of held) rooms.drop(tenantId, 1);
  }
}

function nameOf({ tenantId, name }: Pick<DueGate, "tenantId" | "name">): string {
  return `${tenantId} ${name}`;
}

function stateOf(gate: DueGate, nowMs: number, active: number, most: number): GateState {
  const isBounded = most < (gate.parallelism ?? Infinity);
  return { ...gate, parallelism: isBounded ? most : gate.parallelism, nowMs, active };
}

/** Each gate gets what it allows, as far as the slots go, an equal share first. */
function sharePlaces(allowed: readonly number[], slots: number): number[] {
  const share = Math.floor(slots / allowed.length);
  const places = allowed.map((count) => Math.min(count, share));
  let left = slots - places.reduce((sum, count) => sum + count, 0);
  return places.map((count, index) => {
    const more = Math.min(left, (allowed[index] ?? 0) - count);
    left -= more;
    return count + more;
  });
}
