/** Measures one contender once; returns its figure, greater is not always better. */
export type Measure = () => Promise<number>;

/** Services that run for days are measured warm: what they run through is compiled by then. */
export const WARM_UP_ROUNDS = 2;

/**
 * A B C, A B C, …: contenders take turns, so that whatever else the machine does meets all of them
 * alike. `warmUps` rounds before the first are not counted: they warm caches and compilers. A contender
 * that is undefined takes no part.
 */
export async function alternate<Name extends string>(
  rounds: number,
  contenders: Readonly<Record<Name, Measure | undefined>>,
  onRound: (text: string) => void,
  warmUps = 1,
): Promise<Record<Name, number[]>> {
  const names = keysOf(contenders);
  const figures = fromKeys(names, (): number[] => []);
  for (let round = 1 - warmUps; round <= rounds; round += 1) {
    onRound(round <= 0 ? "warming up" : `round ${round} of ${rounds}`);
    for (const name of names) {
      const figure = await contenders[name]?.();
      if (round > 0 && figure !== undefined) figures[name].push(figure);
    }
  }
  return figures;
}

/** The figures of one contender by those of another, round by round. */
export function divide(above: readonly number[], below: readonly number[]): readonly number[] {
  return above.map((value, round) => value / (below[round] ?? Number.NaN));
}

/** The keys of a record are the names of its type: nothing else is put into these. */
function keysOf<Name extends string>(record: Readonly<Record<Name, unknown>>): readonly Name[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above
  return Object.keys(record) as Name[];
}

function fromKeys<Name extends string, Value>(
  names: readonly Name[],
  value: () => Value,
): Record<Name, Value> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every name is given a value
  return Object.fromEntries(names.map((name) => [name, value()])) as Record<Name, Value>;
}
