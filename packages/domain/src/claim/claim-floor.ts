/** A whole look at the ready deliveries is made this often; it finds what lies under the floor. */
const WHOLE_LOOK_EVERY_MS = 900;
/** What is made ready now may be committed this much later, in microseconds of virtual time. */
const LATE_COMMIT_MICROS = 200_000;

/**
 * Where a claim begins to look. What was claimed stays in the index until VACUUM may take it away, and
 * while somebody holds a snapshot it may not: a claim that begins at the start reads all of it again.
 */
export interface ClaimFloor {
  /** Virtual time, microseconds; 0 is a look at everything. */
  readonly virtualTime: number;
  /** When everything was looked at last, monotonic milliseconds. */
  readonly wholeLookAtMs: number;
}

export const NO_FLOOR: ClaimFloor = {
  virtualTime: 0,
  wholeLookAtMs: Number.NEGATIVE_INFINITY,
};

/** The floor that holds now: none when it is time for a whole look. */
export function floorAt(floor: ClaimFloor, nowMs: number): ClaimFloor {
  return nowMs - floor.wholeLookAtMs >= WHOLE_LOOK_EVERY_MS
    ? { virtualTime: 0, wholeLookAtMs: nowMs }
    : floor;
}

/**
 * The floor after a claim that began at `floor`. New deliveries are placed at the clock or after it
 * (see `nextVirtualTime`), so the past of a drained queue is empty but for late commits; a queue that
 * is not drained has nothing before the last one that was taken. What others had locked and gave
 * back, or committed very late, waits for the next whole look.
 */
export function raiseFloor(
  floor: ClaimFloor,
  claim: {
    /** The database's clock at the claim, microseconds. */
    readonly claimedAtMicros: number;
    /** Virtual time of the last delivery that was taken, null when it took all there were. */
    readonly reached: number | null;
  },
): ClaimFloor {
  const settled = claim.claimedAtMicros - LATE_COMMIT_MICROS;
  const virtualTime = Math.min(settled, claim.reached ?? Number.POSITIVE_INFINITY);
  return { ...floor, virtualTime: Math.max(floor.virtualTime, virtualTime) };
}
