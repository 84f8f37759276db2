import type { IncomingMessage } from "node:http";
import type { DeadLetterSelection, RetryOutcome } from "@omnistore/domain/dead-letter/selection";
import type { RetryOverrides } from "@omnistore/domain/dead-letter/retry-overrides";
import type { DestinationPolicy } from "@omnistore/domain/deliver/destination-policy";
import { MAX_RETRIED_IDS } from "@omnistore/domain/message/limits";
import { defaultRetries } from "@omnistore/domain/tenant/plans";
import { quote } from "@omnistore/domain/quote";
import { InvalidRequest } from "../errors.ts";
import { gatherConfiguration, type Configuration } from "../headers/configuration.ts";
import { refuseQueueName } from "../headers/queue-name.ts";
import { refusal } from "../headers/refusal.ts";
import { decodeRetryOverrides } from "../headers/retry-overrides.ts";
import { encodeDeadLetterId, encodeMessageId } from "../ids.ts";
import { callbackUrls, checkHosts } from "../publish/check-hosts.ts";
import { reply } from "../reply.ts";
import { readBody } from "../request/body.ts";
import { readBodyIds } from "../request/body-ids.ts";
import { overBudget } from "../request/rate-limit.ts";
import type { Parameter } from "../request/query.ts";
import { decodeGivenDeadLetters } from "./dead-letter-selection.ts";
import type { CallerRequest, WireHandler, WireServices } from "./guarded.ts";
import { writeRouteWithQuery } from "./guarded.ts";
import { badCursor, knownIds } from "./pages.ts";
import type { KeptDeadLetters } from "./retention.ts";
import { keptDeadLetters } from "./retention.ts";
import { strictParameters } from "./strict-parameters.ts";

interface RetryOptions {
  readonly destinations: DestinationPolicy;
}

type Retried = Extract<RetryOutcome, { kind: "retried" }>;

/** `POST /v2/dlq/retry/{dlqId}`: the message again, under a new id. Contract 03 §5. */
export function retryDeadLetterRoute(services: WireServices, options: RetryOptions): WireHandler {
  return writeRouteWithQuery(services, async (request) => {
    const given = request.context.req.param("id") ?? "";
    const { overrides, rest } = decodeConfiguration(services, request, options);
    strictParameters(rest, []);
    await refuseBody(request.context.env.incoming);
    const selection = selectIds([given], keptDeadLetters(services, request.caller));
    const { messageIds } = await retry(services, request, selection, overrides);
    return reply(201, { messageId: messageIds.map(encodeMessageId)[0] });
  });
}

/** `POST /v2/dlq/retry`: all of the ids or none, or a page of what passes the filters. */
export function retryDeadLettersRoute(services: WireServices, options: RetryOptions): WireHandler {
  return writeRouteWithQuery(services, async (request) => {
    const { overrides, rest } = decodeConfiguration(services, request, options);
    const bodyIds = await readBodyIds(request.context.env.incoming, "dlqIds");
    const given = decodeGivenDeadLetters(rest, bodyIds);
    if (given.kind === "none") return reply(201, { responses: [] });
    const kept = keptDeadLetters(services, request.caller);
    const selection: DeadLetterSelection =
      given.kind === "ids"
        ? selectIds(given.texts, kept)
        : { kind: "page", query: kept.within(given.query) };
    const { messageIds, cursor } = await retry(services, request, selection, overrides);
    request.tell(`${messageIds.length} retried`);
    const responses = messageIds.map((id) => ({ messageId: encodeMessageId(id) }));
    return reply(201, { responses, cursor });
  });
}

/** What the retry changes, if the plan allows it, and the parameters that are not about that. Contract 00 §8. */
function decodeConfiguration(
  { operations }: WireServices,
  { caller, context, parameters }: CallerRequest,
  { destinations }: RetryOptions,
): { overrides: RetryOverrides; rest: readonly Parameter[] } {
  const configuration = gatherConfiguration(
    context.env.incoming.rawHeaders,
    parameters.filter(isConfiguration),
  );
  refuseQueueName(configuration, undefined);
  refuseDeduplication(configuration);
  const overrides = decodeRetryOverrides(configuration, {
    nowMs: operations.nowMs(),
    authorizationIsOurs: true,
    plan: caller.plan,
    defaultRetries: defaultRetries(caller.plan),
    destinations,
  });
  return { overrides, rest: parameters.filter((parameter) => !isConfiguration(parameter)) };
}

/** Whoever sends one may take it for the body of the new message, which is that of the dead one. */
async function refuseBody(incoming: IncomingMessage): Promise<void> {
  const { length } = await readBody(incoming);
  if (length === 0) return;
  throw new InvalidRequest(
    400,
    `the retry of one dead letter takes no body, and this one has ${length} bytes: the message keeps its own`,
  );
}

/** A retry is always sent: the key of the dead message may be held by that message itself. */
function refuseDeduplication({ settings }: Configuration): void {
  for (const [name, header] of DEDUPLICATION) {
    const value = settings.get(name);
    if (value !== undefined) throw refusal(header, value, "has no place on a retry");
  }
}

const DEDUPLICATION = [
  ["deduplication-id", "Upstash-Deduplication-Id"],
  ["content-based-deduplication", "Upstash-Content-Based-Deduplication"],
] as const;

function isConfiguration({ name }: Parameter): boolean {
  return name.toLowerCase().startsWith("upstash-");
}

async function retry(
  { operations }: WireServices,
  { caller, parameters }: CallerRequest,
  selection: DeadLetterSelection,
  overrides: RetryOverrides,
): Promise<Retried> {
  await checkHosts(operations, callbackUrls(overrides.options));
  const { tenantId, plan } = caller;
  const outcome = await operations.retryDeadLetters(tenantId, selection, overrides, plan);
  switch (outcome.kind) {
    case "retried":
      return outcome;
    case "unknown-ids":
      throw notFound(outcome.ids.map(encodeDeadLetterId));
    case "over-budget":
      throw overBudget(outcome.spent, plan);
    case "bad-cursor":
      throw badCursor(parameters);
  }
}

function selectIds(texts: readonly string[], kept: KeptDeadLetters): DeadLetterSelection {
  if (texts.length > MAX_RETRIED_IDS) {
    throw new InvalidRequest(
      400,
      `dlqIds names ${texts.length} dead letters, the limit of one retry is ${MAX_RETRIED_IDS}`,
    );
  }
  const unknown = texts.filter((text) => kept.idOf(text) === null);
  if (unknown.length > 0) throw notFound(unknown);
  return { kind: "ids", ids: knownIds(texts, kept.idOf) };
}

function notFound([first = "", ...more]: readonly string[]): InvalidRequest {
  const others = more.length === 0 ? "" : ` (nor ${more.length} more); nothing was retried`;
  return new InvalidRequest(404, `dead letter ${quote(first)} not found${others}`);
}
