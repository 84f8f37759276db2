/**
 * Bodies and answers, as they are stored, that one page of a list may bring together, unless its
 * first entry alone is larger. A page that would bring more ends early, with a cursor.
 */
export const PAGE_BYTES = 16 * 1024 * 1024;
