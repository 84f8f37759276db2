import type { DestinationPolicy } from "@omnistore/domain/deliver/destination-policy";
import { DEFAULT_RETRIES } from "@omnistore/domain/message/limits";
import type { ScheduleWire } from "@omnistore/domain/schedule/schedule-wire";

import type { Configuration, HeaderField } from "../headers/configuration.ts";
import { gatherFromJson, withDefaults } from "../headers/configuration.ts";
import type { PublishContext } from "../headers/publish-settings.ts";
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

/** How schedules to topics are read again at each tick. Contract 00 §8. */
export function scheduleWire(destinations: DestinationPolicy): ScheduleWire {
  return {
    settingsWith(text, topicHeaders, nowMs) {
      const { configuration, context } = parseOwnSettings(text);
      const defaults = gatherFromJson(rawHeaders(topicHeaders));
      return decodeScheduleSettings(withDefaults(read(configuration), defaults), {
        defaultRetries: DEFAULT_RETRIES,
        ...context,
        destinations,
        nowMs,
      }).template;
    },
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
