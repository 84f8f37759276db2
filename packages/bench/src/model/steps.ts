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
  /** The outcome of any attempt that was ever leased, however late, and however often. */
  | { readonly kind: "record"; readonly lease: number; readonly isOk: boolean }
  | { readonly kind: "hand back" | "forget"; readonly lease: number }
  | { readonly kind: "cancel"; readonly message: number }
  | { readonly kind: "clock on"; readonly ms: number };

/** What is published. */
export interface What {
  readonly delayMs: number;
  readonly queue: string | null;
  readonly flow: string | null;
  readonly deduplication: string | null;
}

const index = fc.nat(1_000);
const by = fc.nat(1);
const count = fc.integer({ min: 1, max: 4 });
const kind = <Kind extends string>(...kinds: Kind[]) => fc.constantFrom(...kinds);

const publish: fc.Arbitrary<Step> = fc.record({
  kind: kind("publish"),
  maxRetries: fc.nat(2),
  what: fc.record({
    delayMs: fc.constantFrom(0, 0, 0, 30_000, 90_000),
    queue: fc.constantFrom(null, null, "first queue", "second queue"),
    flow: fc.constantFrom(null, null, "one", "two", "rated"),
    deduplication: fc.constantFrom(null, null, null, "a", "b"),
  }),
});
const fromLease = fc.record({ kind: kind("hand back", "forget"), lease: index });
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
    { weight: 8, arbitrary: fc.record({ kind: kind("record"), lease: index, isOk: fc.boolean() }) },
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
