import type { DestinationPolicy } from "@omnistore/domain/deliver/destination-policy";
import { DEFAULT_RETRIES } from "@omnistore/domain/message/limits";
import type { ScheduleWire } from "@omnistore/domain/schedule/schedule-wire";
import { planOf } from "@omnistore/domain/tenant/plans";

import type { Configuration, HeaderField } from "../headers/configuration.ts";
import { gatherFromJson, withDefaults } from "../headers/configuration.ts";
import type { PublishContext } from "../headers/publish-settings.ts";
import { decodePublishSettings } from "../headers/publish-settings.ts";
import { rawHeaders } from "../headers/raw-headers.ts";
import { decodeScheduleSettings } from "../headers/schedule-settings.ts";

/** `Configuration` as JSON. */
interface WrittenConfiguration {
  readonly settings: readonly (readonly [string, string])[];
  readonly forwarded: readonly HeaderField[];
  readonly foreign: readonly HeaderField[];
  readonly callback?: WrittenConfiguration;
  readonly failureCallback?: WrittenConfiguration;
}

type WrittenContext = Pick<PublishContext, "callerIp" | "authorizationIsOurs" | "queueName"> &
  // Not in what was written before plans had a say in it.
  Partial<Pick<PublishContext, "defaultRetries">>;

interface OwnSettings {
  readonly configuration: WrittenConfiguration;
  readonly context: WrittenContext;
}

/** What a publisher said of a schedule, without what a topic says; never with our own token. */
export function writeOwnSettings(own: Configuration, context: PublishContext): string {
  const { callerIp, authorizationIsOurs, queueName, defaultRetries } = context;
  const isKept = ({ name }: HeaderField) =>
    !authorizationIsOurs || name.toLowerCase() !== "authorization";
  const foreign = own.foreign.filter(isKept);
  const written: OwnSettings = {
    configuration: write({ ...own, foreign }),
    context: { callerIp, authorizationIsOurs, queueName, defaultRetries },
  };
  return JSON.stringify(written);
}

/** What a schedule said itself was allowed when it was made, and stays so. */
const AS_IT_WAS_MADE = planOf("development", {});

/**
 * How schedules to topics are read again at each tick. What the topic adds has to be within the plan
 * of the day, as it is for a publish. Contract 00 §8, 06 §4.
 */
export function scheduleWire(destinations: DestinationPolicy): ScheduleWire {
  return {
    settingsWith(text, topicHeaders, { nowMs, plan }) {
      const { configuration, context } = parseOwnSettings(text);
      const own = read(configuration);
      const defaults = gatherFromJson(rawHeaders(topicHeaders));
      const known = { defaultRetries: DEFAULT_RETRIES, ...context, destinations, nowMs };
      decodePublishSettings(limitedSettings(own, defaults), { ...known, plan });
      const all = withDefaults(own, defaults);
      return decodeScheduleSettings(all, { ...known, plan: AS_IT_WAS_MADE }).template;
    },
  };
}

/** Settings that a plan limits. */
const LIMITED: ReadonlySet<string> = new Set(["delay", "retries", "timeout"]);

/** Those of them that the topic adds to a message and to its callbacks. */
function limitedSettings(own: Configuration | undefined, topic: Configuration): Configuration {
  const { settings, callback, failureCallback } = topic;
  const isAdded = (name: string) => LIMITED.has(name) && own?.settings.has(name) !== true;
  return {
    settings: new Map([...settings].filter(([name]) => isAdded(name))),
    forwarded: [],
    foreign: [],
    callback: callback && limitedSettings(own?.callback, callback),
    failureCallback: failureCallback && limitedSettings(own?.failureCallback, failureCallback),
  };
}

/** Nobody but `writeOwnSettings` writes it. */
function parseOwnSettings(text: string): OwnSettings {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above
  return JSON.parse(text) as OwnSettings;
}

function write(of: Configuration): WrittenConfiguration {
  const { settings, forwarded, foreign, callback, failureCallback } = of;
  return {
    settings: [...settings],
    forwarded,
    foreign,
    ...(callback && { callback: write(callback) }),
    ...(failureCallback && { failureCallback: write(failureCallback) }),
  };
}

function read(written: WrittenConfiguration): Configuration {
  const { settings, forwarded, foreign, callback, failureCallback } = written;
  return {
    settings: new Map(settings),
    forwarded,
    foreign,
    callback: callback && read(callback),
    failureCallback: failureCallback && read(failureCallback),
  };
}
