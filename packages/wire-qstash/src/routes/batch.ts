import { setImmediate } from "node:timers/promises";
import { canonicalHeaderName } from "@omnistore/domain/message/header-names";
import { MAX_BATCH_BYTES } from "@omnistore/domain/message/limits";
import type { PublishCommand } from "@omnistore/domain/publish/publish-command";
import { defaultRetries, type Plan } from "@omnistore/domain/tenant/plans";
import type { Caller } from "@omnistore/domain/tenant/tenant";
import type { Topic } from "@omnistore/domain/topic/topic";
import { InvalidRequest } from "../errors.ts";
import type { Configuration } from "../headers/configuration.ts";
import { gatherConfiguration, gatherFromJson } from "../headers/configuration.ts";
import { decodePublishSettings } from "../headers/publish-settings.ts";
import { refuseQueueName } from "../headers/queue-name.ts";
import { refusal } from "../headers/refusal.ts";
import type { PublishAnswer } from "../publish/answer.ts";
import { submit, unavailableReply } from "../publish/answer.ts";
import type { BatchItem } from "../publish/batch-items.ts";
import { readItem, readItems } from "../publish/batch-items.ts";
import { checkHosts, urlsOf } from "../publish/check-hosts.ts";
import { publishCommands } from "../publish/commands.ts";
import type { PublishRouteOptions } from "../publish/publish-request.ts";
import { withTopicHeaders } from "../publish/publish-request.ts";
import type { Receivers, ResolveOptions } from "../publish/receivers.ts";
import { resolveReceivers } from "../publish/receivers.ts";
import { makeQueue } from "../publish/within-plan.ts";
import { overBudget } from "../request/rate-limit.ts";
import { reply } from "../reply.ts";
import { callerIp } from "../request/caller-ip.ts";
import { readJson } from "../request/json-body.ts";
import type { WireHandler, WireServices } from "./guarded.ts";
import { sendRoute } from "./guarded.ts";

/** An item that can be published, or why it cannot. */
type PreparedItem =
  | {
      readonly kind: "ready";
      readonly receivers: Receivers;
      readonly commands: readonly PublishCommand[];
    }
  | { readonly kind: "invalid"; readonly error: string };

type ItemAnswer = PublishAnswer | Extract<PreparedItem, { kind: "invalid" }>;

interface BatchContext extends ResolveOptions {
  readonly caller: Caller;
  readonly nowMs: number;
  readonly callerIp: string | undefined;
}

/**
 * `POST /v2/batch`: messages to URLs, topics and through queues. The answer tells of each item in
 * its place; what is wrong with one does not hold up the others. Contract 01 §8, §9, 07 Q14, Q29.
 */
export function batchRoute(services: WireServices, options: PublishRouteOptions): WireHandler {
  const { operations } = services;
  return sendRoute(services, async ({ caller, parameters, context: { env } }) => {
    const { tenantId, plan } = caller;
    refuseSettingsOfTheCall(gatherConfiguration(env.incoming.rawHeaders, parameters));
    const items = readItems(await readJson(env.incoming, MAX_BATCH_BYTES), plan);
    const context: BatchContext = {
      caller,
      nowMs: operations.nowMs(),
      callerIp: callerIp(env.incoming.socket.remoteAddress),
      destinations: options.destinations,
      findTopic: rememberTopics((name) => operations.getTopic(tenantId, name)),
    };
    const prepared = await checkAll(services, await prepareAll(items, context), caller);
    refuseIfAllInvalid(prepared);
    return batchReply(await publishAll(services, prepared, plan), plan);
  });
}

/** Each item has settings of its own: what the call says would be of none, and nobody would know. */
function refuseSettingsOfTheCall(configuration: Configuration, prefix = "upstash-"): void {
  const { settings, forwarded, callback, failureCallback } = configuration;
  const given = [...settings, ...forwarded.map(({ name, value }) => [`forward-${name}`, value])];
  for (const [name = "", value = ""] of given) {
    const header = canonicalHeaderName(`${prefix}${name}`);
    throw refusal(header, value, "has no place on the call of a batch: put it into its items");
  }
  if (callback !== undefined) refuseSettingsOfTheCall(callback, `${prefix}callback-`);
  if (failureCallback === undefined) return;
  refuseSettingsOfTheCall(failureCallback, `${prefix}failure-callback-`);
}

/** Items that are worked on before other requests have their turn: a few milliseconds. */
const PIECE = 250;

async function prepareAll(
  items: readonly BatchItem[],
  context: BatchContext,
): Promise<readonly PreparedItem[]> {
  const prepared: PreparedItem[] = [];
  for (let start = 0; start < items.length; start += PIECE) {
    const piece = items.slice(start, start + PIECE);
    prepared.push(...(await Promise.all(piece.map((item) => prepare(item, context)))));
    await setImmediate();
  }
  return prepared;
}

/**
 * What of valid items has to be asked for: their hosts, all at once, because each of them may wait, and
 * a queue for each that goes through one.
 */
function checkAll(
  { operations }: WireServices,
  items: readonly PreparedItem[],
  caller: Caller,
): Promise<readonly PreparedItem[]> {
  const makeQueueInTurn = rememberQueues((name) => makeQueue(operations, caller, name));
  return Promise.all(
    items.map(async (item) => {
      if (item.kind === "invalid") return item;
      const [command] = item.commands;
      return orInvalid(async () => {
        const options = command?.options ?? {};
        await checkHosts(operations, urlsOf(item.receivers, options));
        if (options.queueName !== undefined) await makeQueueInTurn(options.queueName);
        return item;
      });
    }),
  );
}

/** Pieces that wait to be stored at once: what a busy store takes in, and enough for it to write in bulk. */
const PIECES_WAITING = 4;

/**
 * In order, so that messages of one queue keep theirs; not one by one, so that they share flushes;
 * not all at once, because a batch that is alone should never find the store too busy for its rest.
 */
async function publishAll(
  services: WireServices,
  items: readonly PreparedItem[],
  plan: Plan,
): Promise<readonly ItemAnswer[]> {
  const answers: Promise<readonly ItemAnswer[]>[] = [];
  for (const piece of piecesOf(items)) {
    await answers[answers.length - PIECES_WAITING];
    answers.push(Promise.all(piece.map((item) => publishItem(services, item, plan))));
    await setImmediate();
  }
  return (await Promise.all(answers)).flat();
}

/** Cut before a piece would come to more messages than items, as those to topics do. */
function piecesOf(items: readonly PreparedItem[]): readonly (readonly PreparedItem[])[] {
  const pieces: PreparedItem[][] = [];
  let room = 0;
  for (const item of items) {
    const messages = item.kind === "ready" ? item.commands.length : 1;
    if (messages > room) {
      pieces.push([]);
      room = PIECE;
    }
    pieces.at(-1)?.push(item);
    room -= messages;
  }
  return pieces;
}

/** Everything about an item that can be wrong is found before anything of the batch is stored. */
function prepare(item: BatchItem, context: BatchContext): Promise<PreparedItem> {
  return orInvalid(async () => {
    const { tenantId, plan } = context.caller;
    const { rawHeaders, body, queueName } = readItem(item.fields, plan);
    const receivers = await resolveReceivers(item.destination, context);
    const own = gatherFromJson(rawHeaders);
    refuseQueueName(own, queueName);
    const configuration = withTopicHeaders(own, receivers);
    const cron = configuration.settings.get("cron");
    if (cron !== undefined) throw refusal("Upstash-Cron", cron, "has no place in a batch");
    const settings = decodePublishSettings(configuration, {
      ...context,
      authorizationIsOurs: false,
      plan,
      defaultRetries: defaultRetries(plan),
      queueName,
    });
    const commands = publishCommands(receivers, { ...settings, tenantId, body });
    return { kind: "ready", receivers, commands };
  });
}

/** What is wrong with a request is, here, wrong with one item. */
async function orInvalid(prepareItem: () => Promise<PreparedItem>): Promise<PreparedItem> {
  try {
    return await prepareItem();
  } catch (error) {
    if (error instanceof InvalidRequest) return { kind: "invalid", error: error.message };
    throw error;
  }
}

/** Never rejects: others may be stored by now, and a failed call would have them all sent again. */
async function publishItem(
  { operations, onError }: WireServices,
  item: PreparedItem,
  plan: Plan,
): Promise<ItemAnswer> {
  if (item.kind === "invalid") return item;
  try {
    return await submit(operations, item.receivers, item.commands, plan);
  } catch (error) {
    onError(error);
    return { kind: "invalid", error: "internal error" };
  }
}

const LONGEST_LIST = 3;

function refuseIfAllInvalid(items: readonly PreparedItem[]): void {
  const errors = items.flatMap((item) => (item.kind === "invalid" ? [item.error] : []));
  if (errors.length < items.length || errors.length === 0) return;
  const told = errors.slice(0, LONGEST_LIST).map((error, index) => `item ${index}: ${error}`);
  if (errors.length > LONGEST_LIST) told.push("…");
  throw new InvalidRequest(400, `no item of the batch is valid: ${told.join("; ")}`);
}

/** When nothing at all was accepted because there was no room, or no more of the plan, the whole batch may be sent again. */
function batchReply(answers: readonly ItemAnswer[], plan: Plan): Response {
  const anyAccepted = answers.some(({ kind }) => kind === "accepted");
  const over = answers.find((answer) => answer.kind === "over-budget");
  if (over !== undefined && !anyAccepted) throw overBudget(over.spent, plan);
  const unavailable = answers.find((answer) => answer.kind === "unavailable");
  if (unavailable !== undefined && !anyAccepted) {
    return unavailableReply(unavailable);
  }
  return reply(
    200,
    answers.map((answer) => itemView(answer, plan)),
  );
}

function itemView(answer: ItemAnswer, plan: Plan): unknown {
  switch (answer.kind) {
    case "accepted":
      return answer.value;
    case "over-budget":
      return { error: overBudget(answer.spent, plan).message };
    case "unavailable":
      return { error: answer.reason };
    case "invalid":
      return { error: answer.error };
  }
}

/** Makes each queue once and one after another: a batch to many new ones leaves the database to others. */
function rememberQueues(make: (name: string) => Promise<void>) {
  const made = new Map<string, Promise<void>>();
  let last: Promise<void> = Promise.resolve();
  return (name: string) => {
    const known = made.get(name);
    if (known !== undefined) return known;
    const queue = last.then(() => make(name));
    made.set(name, queue);
    // One that is refused holds up no other.
    last = queue.catch(() => undefined);
    return queue;
  };
}

/** Asks for each topic once, however many items go to it. */
function rememberTopics(find: (name: string) => Promise<Topic | null>) {
  const found = new Map<string, Promise<Topic | null>>();
  return (name: string) => {
    const topic = found.get(name) ?? find(name);
    found.set(name, topic);
    return topic;
  };
}
