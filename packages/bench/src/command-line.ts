interface Bounds {
  readonly byDefault: number;
  readonly atLeast: number;
}

/** A number of a command line. @throws with a sentence for the user when it is none, or too small. */
export function wholeNumber(
  name: string,
  text: string | undefined,
  { byDefault, atLeast }: Bounds,
): number {
  if (text === undefined) return byDefault;
  if (!/^\d{1,9}$/.test(text) || Number(text) < atLeast) {
    throw new Error(`--${name} must be a whole number from ${atLeast} on, not "${text}"`);
  }
  return Number(text);
}

/** What a command line says; when it is not understood, says why, with the help, and exits with 2. */
export function readOrExit<Read>(read: () => Read, help: string): Read {
  try {
    return read();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
    process.exit(2);
  }
}
