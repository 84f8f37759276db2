import type { MessageOptions } from "@omnistore/domain/message/message";
import type { Operations } from "@omnistore/domain/operations";
import { InvalidRequest } from "../errors.ts";
import { refusal } from "../headers/refusal.ts";
import type { Receivers } from "./receivers.ts";

/** A valid URL that messages will go to; `field` is where it was given, unless it is the destination. */
export interface GivenUrl {
  readonly field?: string;
  readonly url: string;
}

type Callbacks = Pick<MessageOptions, "callback" | "failureCallback">;

/** Where a publish sends to. The endpoints of a topic were asked about when they were added. */
export function urlsOf(receivers: Receivers, options: Callbacks): readonly GivenUrl[] {
  const callbacks = callbackUrls(options);
  return receivers.kind === "url" ? [{ url: receivers.url }, ...callbacks] : callbacks;
}

/** The callbacks of a message, and theirs, by the headers that named them. */
export function callbackUrls(options: Callbacks, prefix = "Upstash-"): readonly GivenUrl[] {
  const { callback, failureCallback } = options;
  const named = [
    { field: `${prefix}Callback`, callback },
    { field: `${prefix}Failure-Callback`, callback: failureCallback },
  ];
  return named.flatMap(({ field, callback: each }) =>
    each === undefined
      ? []
      : [{ field, url: each.url }, ...callbackUrls(each.options, `${field}-`)],
  );
}

/** Throws 400 for a URL whose host nothing can reach, as far as DNS tells. Contract 00 §3, 01 §2. */
export async function checkHosts(
  operations: Pick<Operations, "hostProblem">,
  urls: readonly GivenUrl[],
): Promise<void> {
  const problems = await Promise.all(urls.map(({ url }) => operations.hostProblem(url)));
  for (const [index, { field, url }] of urls.entries()) {
    const problem = problems[index] ?? null;
    if (problem === null) continue;
    if (field === undefined) throw new InvalidRequest(400, problem);
    throw refusal(field, url, `cannot be called: ${problem}`);
  }
}
