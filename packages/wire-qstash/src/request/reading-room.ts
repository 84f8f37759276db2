/** Bytes of long bodies that a process holds while it reads them, in all. What it then stores is bounded by itself. */
export const READING_BYTES = 256 * 1024 * 1024;

/** A body up to this long is always read: connections bound how many there are. */
export const SHORT_BODY_BYTES = 64 * 1024;

let taken = 0;

/** What one body holds while it is read. Callers that send slowly cannot fill the memory, nor shut out short bodies. */
export class ReadingRoom {
  #bytes = 0;

  /** Takes room for a body that has grown to so many bytes; false when there is none. */
  growTo(bytes: number): boolean {
    if (bytes <= SHORT_BODY_BYTES) return true;
    const more = bytes - this.#bytes;
    if (taken + more > READING_BYTES) return false;
    taken += more;
    this.#bytes = bytes;
    return true;
  }

  /** Gives all of it back. */
  leave(): void {
    taken -= this.#bytes;
    this.#bytes = 0;
  }
}
