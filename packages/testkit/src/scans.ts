import type { Pool } from "@omnistore/db/client";

interface PlanNode {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Actual Rows": number;
  readonly "Actual Loops": number;
  readonly "Rows Removed by Filter"?: number;
  readonly Plans?: readonly PlanNode[];
}

/** What a statement read of tables. */
export interface Scans {
  /** Rows, with those that a filter removed. */
  readonly rows: number;
  /** Tables that were read whole although there is something in them. */
  readonly sequential: readonly string[];
}

/** Carries a statement out and tells what it read. */
export async function scansOf(
  pool: Pool,
  { text, values }: { readonly text: string; readonly values: readonly unknown[] },
): Promise<Scans> {
  const { rows } = await pool.query<{ "QUERY PLAN": [{ Plan: PlanNode }] }>(
    `EXPLAIN (ANALYZE, FORMAT JSON) ${text}`,
    [...values],
  );
  const all = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(all)];
  const root = rows[0]?.["QUERY PLAN"][0].Plan;
  const scans = (root ? all(root) : []).filter(
    (node) => node["Relation Name"] !== undefined && node["Actual Loops"] > 0,
  );
  const read = (node: PlanNode) =>
    node["Actual Loops"] * (node["Actual Rows"] + (node["Rows Removed by Filter"] ?? 0));
  return {
    rows: scans.reduce((sum, node) => sum + read(node), 0),
    sequential: scans.flatMap((node) =>
      node["Node Type"] === "Seq Scan" && read(node) > 0 ? [node["Relation Name"] ?? ""] : [],
    ),
  };
}
