import type { Row } from "../bench.ts";
import { divide } from "./alternate.ts";

/** This checkout by the other one that was measured beside it; nothing when there was none. */
export function rowsAgainst(
  what: string,
  rates: { readonly product: readonly number[]; readonly other: readonly number[] },
): readonly Row[] {
  if (rates.other.length === 0) return [];
  const values = divide(rates.product, rates.other);
  return [{ name: `${what}, this checkout ÷ the other`, unit: "ratio", values }];
}
