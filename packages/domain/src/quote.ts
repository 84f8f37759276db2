const LONGEST_QUOTE = 200;
// What JSON.stringify leaves as it is, yet a terminal or a log obeys.
const UNSAFE = /[\u007f-\u009f\u2028\u2029]/g;
/** A token as it is sent, base64 of JSON (`{"` is `eyJ`), and the secret inside it. */
const TOKENS = /(eyJ|omnistore_)[\w+/%=-]{16,}/g;

/** Text of a request without the tokens in it. */
export function withoutTokens(text: string): string {
  return text.replace(TOKENS, "$1…");
}

/**
 * Text of a request made fit for an error: in quotes, tokens left out wherever they stand, control
 * characters escaped, cut at 200 characters.
 */
export function quote(text: string): string {
  const open = withoutTokens(text);
  const shown = open.length > LONGEST_QUOTE ? `${open.slice(0, LONGEST_QUOTE)}…` : open;
  return JSON.stringify(shown).replace(
    UNSAFE,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
