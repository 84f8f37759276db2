/** The database, or room in memory, is out of reach for now: nothing is wrong with what was asked, and it may be asked again. */
export class UnavailableError extends Error {
  override readonly name = "UnavailableError";
}
