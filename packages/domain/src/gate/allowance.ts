/**
 * How long after a gate let a delivery through it may still start, in milliseconds: a tenth of the
 * period, between 100 ms and a second. Nothing passes this long before and after the end of a period,
 * so that what belongs to one period also arrives in it, however a receiver's own window lies.
 */
export function periodGuardMs(periodMs: number): number {
  return Math.min(1_000, Math.max(100, periodMs / 10));
}

/** The rules of a gate and what it has let through. Times are unix milliseconds. */
export interface GateState {
  readonly nowMs: number;
  readonly isPaused: boolean;
  /** Most under way at once; null: no limit. */
  readonly parallelism: number | null;
  /** Most starts in one period; null: no limit. */
  readonly rate: number | null;
  readonly periodMs: number;
  /** Under way now. */
  readonly active: number;
  /** Starts in the period that began at `periodStartedAtMs`. */
  readonly rateCount: number;
  /** Those of them that opened it. */
  readonly openingCount: number;
  readonly periodStartedAtMs: number | null;
}

/** A start, as the gate that let it through counted it. */
export interface PeriodStart {
  /** When the period began that it belongs to. */
  readonly periodStartedAtMs: number;
  /** It was among the first of that period. */
  readonly isOpening: boolean;
}

/** What a gate remembers once some have passed. */
export interface GateMemory {
  readonly rateCount: number;
  readonly openingCount: number;
  readonly periodStartedAtMs: number | null;
  /** When to look again; null: not before something under way ends or the rules change. */
  readonly lookAgainAtMs: number | null;
}

/** How many of those that wait may pass now. Contract 01 §6, 02 §7. */
export function allowance(state: GateState): number {
  if (state.isPaused) return 0;
  const byParallelism =
    state.parallelism === null ? Infinity : Math.max(0, state.parallelism - state.active);
  return Math.min(byParallelism, startsLeft(state));
}

/**
 * The gate after `passed` of them passed, when at most `tried` (≤ allowance) were let: fewer means
 * that nobody else waits. The first start opens a period; a period that nobody opened has no end.
 */
export function afterPassing(state: GateState, passed: number, tried: number): GateMemory {
  const open = isPeriodOpen(state);
  const rateCount = (open ? state.rateCount : 0) + passed;
  const periodStartedAtMs = open || passed === 0 ? state.periodStartedAtMs : state.nowMs;
  const memory = {
    rateCount: open || passed > 0 ? rateCount : state.rateCount,
    openingCount: open || passed === 0 ? state.openingCount : passed,
    periodStartedAtMs,
  };
  return { ...memory, lookAgainAtMs: lookAgain({ ...state, ...memory }, passed, tried) };
}

/** What a gate remembers of its period. */
type PeriodMemory = Pick<GateState, "rateCount" | "openingCount" | "periodStartedAtMs">;

/**
 * The period after one of its starts turned out never to have been sent; null when it is over, or
 * forgotten, and there is nothing to give back. A period in which nothing started never was. Where
 * all that opened it were given back and later ones were sent, a receiver's own period began with
 * one of those, nobody knows when: the gate lets nobody through for a whole period from now.
 */
export function afterUnsent(
  state: PeriodMemory & Pick<GateState, "rate" | "nowMs">,
  start: PeriodStart,
): PeriodMemory | null {
  if (!isSameMoment(state.periodStartedAtMs, start.periodStartedAtMs)) return null;
  const rateCount = Math.max(0, state.rateCount - 1);
  if (rateCount === 0) return { rateCount, openingCount: 0, periodStartedAtMs: null };
  const { periodStartedAtMs } = state;
  if (!start.isOpening) return { rateCount, openingCount: state.openingCount, periodStartedAtMs };
  const openingCount = Math.max(0, state.openingCount - 1);
  if (openingCount > 0) return { rateCount, openingCount, periodStartedAtMs };
  const full = Math.max(rateCount, state.rate ?? 0);
  return { rateCount: full, openingCount, periodStartedAtMs: state.nowMs };
}

/** Times that went through the database keep their microseconds. */
function isSameMoment(one: number | null, other: number): boolean {
  return one !== null && Math.abs(one - other) < 0.002;
}

function lookAgain(state: GateState, passed: number, tried: number): number | null {
  if (state.isPaused || passed < tried) return null;
  const now = { ...state, active: state.active + passed };
  if (allowance(now) > 0) return state.nowMs;
  return startsLeft(now) === 0 && state.periodStartedAtMs !== null ? periodEndMs(state) : null;
}

function startsLeft(state: GateState): number {
  if (state.rate === null) return Infinity;
  if (!isPeriodOpen(state)) return state.rate;
  const isEnding = state.nowMs >= periodEndMs(state) - 2 * periodGuardMs(state.periodMs);
  return isEnding ? 0 : Math.max(0, state.rate - state.rateCount);
}

function isPeriodOpen(state: GateState): boolean {
  return state.periodStartedAtMs !== null && state.nowMs < periodEndMs(state);
}

/** When the next period may be opened. */
function periodEndMs({ periodStartedAtMs, periodMs }: GateState): number {
  return (periodStartedAtMs ?? 0) + periodMs + periodGuardMs(periodMs);
}
