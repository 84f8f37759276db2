const LONGEST_QUOTE = 200;
// What JSON.stringify leaves as it is, yet a terminal or a log obeys.
const UNSAFE = /[\u007f-\u009f\u2028\u2029]/g;

/** Text of a request made fit for an error: in quotes, control characters escaped, cut at 200 characters. */
export function quote(text: string): string {
  const shown = text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}…` : text;
  return JSON.stringify(shown).replace(
    UNSAFE,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
