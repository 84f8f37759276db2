import type { Page, PageOutcome } from "@omnistore/domain/history/log-event";
import type { InvalidRequest } from "../errors.ts";
import type { Parameter } from "../request/query.ts";
import { bad } from "./list-parameters.ts";

const NOT_OURS = "was not given by an earlier page";

/** What a list shows when its filters name something that no message can have. */
export const EMPTY_PAGE: Page<never> = { items: [] };

/** The page of an outcome; 400 when the cursor was not one of ours. */
export function pageOf<Item>(outcome: PageOutcome<Item>, cursor: string | undefined): Page<Item> {
  if (outcome.kind === "page") return outcome.page;
  throw bad("cursor", cursor ?? "", NOT_OURS);
}

/** The refusal of the cursor that is among the parameters. */
export function badCursor(parameters: readonly Parameter[]): InvalidRequest {
  const cursor = parameters.find(({ name }) => name === "cursor");
  return bad("cursor", cursor?.value ?? "", NOT_OURS);
}

/** The texts that are ids of ours; what is not an id belongs to no entry. Undefined stays so. */
export function knownIds(
  texts: readonly string[],
  decode: (text: string) => string | null,
): readonly string[];
export function knownIds(
  texts: readonly string[] | undefined,
  decode: (text: string) => string | null,
): readonly string[] | undefined;
export function knownIds(
  texts: readonly string[] | undefined,
  decode: (text: string) => string | null,
): readonly string[] | undefined {
  return texts?.map(decode).filter((id) => id !== null);
}
