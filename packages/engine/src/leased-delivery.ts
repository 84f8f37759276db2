import type { PeriodStart } from "@omnistore/domain/gate/allowance";

/** A start that the rate of a flow-control key counted. Times are unix milliseconds of the database's clock. */
export interface CountedStart extends PeriodStart {
  readonly key: string;
  /** Later it would fall into a period that was not asked. */
  readonly startByMs: number;
}

/** A delivery that is leased to `owner`: whoever holds it must end it or hand it back. */
export interface LeasedDelivery {
  readonly tenantId: string;
  readonly messageId: string;
  readonly owner: string;
  /** Attempts made so far. */
  readonly retried: number;
  /** True when its end may let another one through a gate. */
  readonly isGated: boolean;
  /** The place in a period that it took at a gate with a rate; absent: it may start at any time. */
  readonly counted?: CountedStart;
}
