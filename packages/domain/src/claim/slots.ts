/** Attempts that one dispatcher has under way at once, at most. */
export const SLOTS = 256;
