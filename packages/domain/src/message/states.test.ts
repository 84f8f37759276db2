import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { END_STATES, QUEUE_STATES, STATE_MOVES } from "./states.ts";

const DOCUMENT = new URL("../../../../docs/message-states.md", import.meta.url);

/** The arrows of the document's one diagram, as they stand there. */
function drawnArrows(): string[] {
  const diagrams = readFileSync(DOCUMENT, "utf8").match(/```mermaid\nstateDiagram-v2\n[^`]*```/g);
  expect(diagrams).toHaveLength(1);
  const lines = diagrams?.[0].split("\n").slice(2, -1) ?? [];
  return lines.map((line) => line.trim());
}

/** The states that can be followed by one of these ends. */
function before(...ends: readonly string[]): ReadonlySet<string> {
  return new Set(STATE_MOVES.filter(({ to }) => ends.includes(to)).map(({ from }) => from));
}

describe("the states of a message", () => {
  test("are drawn as the table has them, with no arrow more or less", () => {
    const moves = STATE_MOVES.map(({ from, to, by }) => {
      return `${from === "stored" ? "[*]" : from} --> ${to}: ${by}`;
    });
    const ends = END_STATES.map((end) => `${end} --> [*]`);
    expect(drawnArrows().toSorted()).toEqual([...moves, ...ends].toSorted());
  });

  test("can each be entered, and only those of the queue can be left", () => {
    const entered = new Set<string>(STATE_MOVES.map(({ to }) => to));
    const left = new Set<string>(STATE_MOVES.map(({ from }) => from));
    expect(entered).toEqual(new Set([...QUEUE_STATES, ...END_STATES]));
    expect(left).toEqual(new Set(["stored", ...QUEUE_STATES]));
  });

  test("reach an end through a lease only, unless they are cancelled, which all of them can be", () => {
    expect(before("delivered", "dead")).toEqual(new Set(["leased"]));
    expect(before("cancelled")).toEqual(new Set(QUEUE_STATES));
  });
});
