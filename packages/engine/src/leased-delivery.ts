/** A delivery that is leased to `owner`: whoever holds it must end it or hand it back. */
export interface LeasedDelivery {
  readonly tenantId: string;
  readonly messageId: string;
  readonly owner: string;
  /** Attempts made so far. */
  readonly retried: number;
  /** True when its end may let another one through a gate. */
  readonly isGated: boolean;
  /**
   * A start that a rate counted has to happen before this time, unix milliseconds of the database's
   * clock; later it would fall into a period that was not asked. Absent: any time.
   */
  readonly startByMs?: number;
}
