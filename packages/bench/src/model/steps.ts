import fc from "fast-check";

/** One thing that happens. Numbers pick among what is there; when there is nothing, nothing happens. */
export type Step =
  | { readonly kind: "publish"; readonly what: What; readonly maxRetries: number }
  | { readonly kind: "promote" | "rescue" | "clock back" }
  | { readonly kind: "claim" | "open gates"; readonly by: number; readonly count: number }
  /** By a process that dies before its n-th statement; queues and flow-control keys are two transactions. */
  | {
      readonly kind: "open gates, crash";
      readonly by: number;
      readonly count: number;
      readonly statement: number;
    }
  | { readonly kind: "beat" | "crash" | "release forgotten"; readonly by: number }
  /** In one batch, outcomes of any attempts that were ever leased, however late, and however often. */
  | { readonly kind: "record"; readonly outcomes: readonly PickedOutcome[] }
  /**
   * The same, cut off before its n-th statement: the process dies, or it lost its connection only
   * and tries again.
   */
  | {
      readonly kind: "record, cut off";
      readonly outcomes: readonly PickedOutcome[];
      readonly statement: number;
      readonly by: number;
      readonly end: "die" | "try again";
    }
  | { readonly kind: "hand back" | "forget"; readonly lease: number }
  | { readonly kind: "cancel"; readonly message: number }
  | { readonly kind: "clock on"; readonly ms: number };

export interface PickedOutcome {
  readonly lease: number;
  readonly isOk: boolean;
}

/** A callback that a publisher asks for. */
export interface AskedCallback {
  readonly delayMs: number;
  readonly flow: string | null;
}

/** What is published. */
export interface What {
  readonly callback: AskedCallback | null;
  readonly failureCallback: AskedCallback | null;
  readonly delayMs: number;
  readonly queue: string | null;
  readonly flow: string | null;
  readonly deduplication: string | null;
}

const index = fc.nat(1_000);
const by = fc.nat(1);
const count = fc.integer({ min: 1, max: 4 });
const kind = <Kind extends string>(...kinds: Kind[]) => fc.constantFrom(...kinds);

const callback = fc.option(
  fc.record({
    delayMs: fc.constantFrom(0, 0, 30_000),
    flow: fc.constantFrom(null, null, "one", "rated"),
  }),
  { freq: 2 },
);
const outcomes = fc.array(fc.record({ lease: index, isOk: fc.boolean() }), {
  minLength: 1,
  maxLength: 3,
});

const publish: fc.Arbitrary<Step> = fc.record({
  kind: kind("publish"),
  maxRetries: fc.nat(2),
  what: fc.record({
    delayMs: fc.constantFrom(0, 0, 0, 30_000, 90_000),
    queue: fc.constantFrom(null, null, "first queue", "second queue"),
    flow: fc.constantFrom(null, null, "one", "two", "rated"),
    deduplication: fc.constantFrom(null, null, null, "a", "b"),
    callback,
    failureCallback: callback,
  }),
});
const fromLease = fc.record({ kind: kind("hand back", "forget"), lease: index });
/** The plan, BEGIN, charge, hold, write, give back, the key to seal with, store, COMMIT; then all is done. */
export const STATEMENTS_OF_A_RECORD = 9;
const recordCutOff = fc.record({
  kind: kind("record, cut off"),
  outcomes,
  statement: fc.nat(STATEMENTS_OF_A_RECORD),
  by,
  end: fc.constantFrom("die", "try again"),
});
const crashAtGates = fc.record({
  kind: kind("open gates, crash"),
  by,
  count,
  statement: fc.nat(13),
});

/** Lives of a few messages in the hands of two dispatchers. */
export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: publish },
    { weight: 3, arbitrary: fc.record({ kind: kind("promote") }) },
    { weight: 8, arbitrary: fc.record({ kind: kind("claim", "open gates"), by, count }) },
    { weight: 1, arbitrary: crashAtGates },
    { weight: 6, arbitrary: fc.record({ kind: kind("record"), outcomes }) },
    { weight: 2, arbitrary: recordCutOff },
    { weight: 2, arbitrary: fc.record({ kind: kind("beat", "crash", "release forgotten"), by }) },
    { weight: 2, arbitrary: fromLease },
    { weight: 2, arbitrary: fc.record({ kind: kind("rescue") }) },
    { weight: 1, arbitrary: fc.record({ kind: kind("cancel"), message: index }) },
    {
      weight: 3,
      arbitrary: fc.record({ kind: kind("clock on"), ms: fc.constantFrom(7_000, 61_000, 127_000) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: kind("clock back") }) },
  ),
  { minLength: 5, maxLength: 30 },
);
