import type { DestinationPolicy } from "@omnistore/domain/deliver/destination-policy";
import type { Topic } from "@omnistore/domain/topic/topic";
import { quote } from "@omnistore/domain/quote";
import { InvalidRequest } from "../errors.ts";
import { isName } from "../headers/name.ts";
import { checkDestination } from "./check-destination.ts";

/** Whom a destination means. */
export type Receivers =
  | { readonly kind: "url"; readonly url: string }
  | { readonly kind: "topic"; readonly topic: Topic };

export interface ResolveOptions {
  /** Where messages may go. */
  readonly destinations: DestinationPolicy;
  /** The caller's topic of that name, or null. */
  readonly findTopic: (name: string) => Promise<Topic | null>;
}

const HTTP = /^https?:\/\//i;
const BUILT_IN = "api/";

/**
 * A URL, else something built in, else the name of a topic. Throws 400 for anything else, and for a
 * URL that no message may go to. Contract 01 §2, §11.
 */
export async function resolveReceivers(
  destination: string,
  { destinations, findTopic }: ResolveOptions,
): Promise<Receivers> {
  if (!HTTP.test(destination)) {
    if (destination.startsWith(BUILT_IN)) throw notServed(destination);
    const topic = isName(destination) ? await findTopic(destination) : null;
    if (topic !== null) return { kind: "topic", topic };
    await refuseQueryOfTopic(destination, findTopic);
  }
  checkDestination(destination, destinations);
  return { kind: "url", url: destination };
}

/** The endpoints of a topic have queries of their own: one behind its name would be lost. */
async function refuseQueryOfTopic(
  destination: string,
  findTopic: ResolveOptions["findTopic"],
): Promise<void> {
  const [name = "", query] = destination.split("?", 2);
  if (query === undefined || !isName(name) || (await findTopic(name)) === null) return;
  throw new InvalidRequest(
    400,
    `invalid destination url: ${quote(destination)}: ${quote(name)} is a URL group, which takes no query string`,
  );
}

function notServed(destination: string): InvalidRequest {
  const reason =
    destination === "api/llm" ? "no LLM backend is configured" : "there is no such built-in";
  return new InvalidRequest(400, `invalid destination url: ${quote(destination)}: ${reason}`);
}
