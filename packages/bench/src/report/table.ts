import type { Row, Target } from "../bench.ts";
import { judge } from "../measure/verdict.ts";

const HEADINGS = ["figure", "min", "median", "max", "unit", "target", ""] as const;

/** The one table: each figure with least, middle and greatest of its rounds, or why there is none. */
export function renderTable(rows: readonly Row[]): string {
  const lines = [HEADINGS, ...rows.map(cells)];
  const widths = HEADINGS.map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  );
  const rendered = lines.map((line) =>
    line
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return isNumeric(column) ? cell.padStart(width) : cell.padEnd(width);
      })
      .join("  ")
      .trimEnd(),
  );
  const [heading = "", ...body] = rendered;
  return [heading, "-".repeat(Math.max(...rendered.map((l) => l.length))), ...body].join("\n");
}

function cells(row: Row): readonly string[] {
  const verdict = judge(row);
  const target = row.target ? show(row.target) : "";
  if (verdict.kind === "refused") return [row.name, "", "", "", row.unit, target, verdict.reason];
  const { min, median, max } = verdict.summary;
  const numbers = [min, median, max].map((value) => value.toPrecision(3));
  const judgement = { true: "ok", false: "MISSES", null: "" }[`${verdict.meets}`];
  return [row.name, ...numbers, row.unit, target, judgement];
}

function isNumeric(column: number): boolean {
  return column >= 1 && column <= 3;
}

function show(target: Target): string {
  return "atLeast" in target ? `≥ ${target.atLeast}` : `≤ ${target.atMost}`;
}
