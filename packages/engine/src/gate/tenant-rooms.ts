/** How much of a tenant's plan is left for what passes its gates, in this dispatcher. */
export interface TenantRooms {
  /** Learns the plans of these tenants; the rest is answered from memory. */
  prepare(tenantIds: Iterable<string>): Promise<unknown>;
  /** Most messages of one queue under way, whatever the queue was once given. */
  ofQueue(tenantId: string): number;
  /** Takes up to so many places, and says how many. */
  hold(tenantId: string, wanted: number): number;
  /** Gives places back. */
  drop(tenantId: string, places: number): void;
}

/** Of tenants without limits. */
export const BOUNDLESS: TenantRooms = {
  prepare: async () => undefined,
  ofQueue: () => Number.POSITIVE_INFINITY,
  hold: (_, wanted) => wanted,
  drop: () => undefined,
};
