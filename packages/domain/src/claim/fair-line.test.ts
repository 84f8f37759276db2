import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import fc from "fast-check";
import { expect, test } from "vitest";

import { FairLine } from "./fair-line.ts";

function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc()");
}

interface Item {
  readonly tenant: string;
  readonly index: number;
}

const steps = fc.array(fc.option(fc.constantFrom("a", "b", "c", "d")), { maxLength: 200 });

/** Pushes an item of each named tenant, lets one leave at each null; returns who left and who stayed. */
function walk(tenants: readonly (string | null)[]) {
  const line = new FairLine<Item>();
  const left: Item[] = [];
  for (const [index, tenant] of tenants.entries()) {
    if (tenant !== null) line.push(tenant, { tenant, index });
    else left.push(...[line.shift()].filter((item) => item !== undefined));
    expect([...line]).toHaveLength(line.size);
  }
  return { left, stayed: [...line], line };
}

test("nothing is lost, nothing leaves twice, and a tenant's own items keep their order", () => {
  fc.assert(
    fc.property(steps, (tenants) => {
      const { left, stayed, line } = walk(tenants);
      const rest = Array.from({ length: line.size }, () => line.shift());
      expect(line.shift()).toBeUndefined();
      expect(new Set(rest)).toEqual(new Set(stayed));
      expect(rest).toHaveLength(stayed.length);
      const all = [...left, ...rest];
      const pushed = tenants.flatMap((tenant, index) => (tenant === null ? [] : { tenant, index }));
      for (const tenant of ["a", "b", "c", "d"]) {
        const isIts = (item: Item | undefined) => item?.tenant === tenant;
        expect(all.filter(isIts)).toEqual(pushed.filter(isIts));
      }
    }),
  );
});

test("between two items of one tenant every other that waits has its turn, and one only", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom("a", "b", "c", "d")), (tenants) => {
      const { line } = walk(tenants);
      const order = Array.from({ length: line.size }, () => line.shift()?.tenant ?? "");
      for (const [index, tenant] of order.entries()) {
        const again = order.indexOf(tenant, index + 1);
        if (again < 0) continue;
        const between = order.slice(index + 1, again);
        expect(new Set(between).size).toBe(between.length);
        const waiting = new Set(order.slice(again).filter((other) => other !== tenant));
        for (const other of waiting) expect(between).toContain(other);
      }
    }),
  );
});

test("what has left is let go, also while its tenant always has somebody waiting", async () => {
  const line = new FairLine<object>();
  const gone: WeakRef<object>[] = [];
  line.push("a", {});
  for (let index = 0; index < 100; index += 1) {
    line.push("a", {});
    gone.push(new WeakRef(line.shift() ?? {}));
  }
  // A WeakRef holds its target until the turn ends.
  await new Promise((resolve) => setImmediate(resolve));
  collectGarbage();
  expect(gone.filter((ref) => ref.deref() !== undefined).length).toBeLessThanOrEqual(2);
});
