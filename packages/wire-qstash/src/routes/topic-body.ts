import { destinationProblem } from "@omnistore/domain/deliver/destination";
import type { DestinationPolicy } from "@omnistore/domain/deliver/destination-policy";
import {
  MAX_NAME_BYTES,
  MAX_TOPIC_ENDPOINTS,
  MAX_TOPIC_HEADER_BYTES,
} from "@omnistore/domain/message/limits";
import { canonicalHeaderName } from "@omnistore/domain/message/header-names";
import type { HeaderMap, MessageOptions } from "@omnistore/domain/message/message";
import type { EndpointPattern } from "@omnistore/domain/topic/endpoints";
import type { Endpoint } from "@omnistore/domain/topic/topic";
import { definedOnly } from "../defined-only.ts";
import { InvalidRequest } from "../errors.ts";
import { gatherFromJson } from "../headers/configuration.ts";
import { isFieldName, unprintable, unprintableValue } from "../headers/field-text.ts";
import type { PublishContext } from "../headers/publish-settings.ts";
import { decodePublishSettings } from "../headers/publish-settings.ts";
import { rawHeaders } from "../headers/raw-headers.ts";
import type { JsonObject } from "../request/json-body.ts";
import { isObject, quoteJson } from "../request/json-body.ts";
import { refuseUnknownNames } from "../request/known-names.ts";

/** `{endpoints: [{url, name?}]}`. Contract 03 §4. */
export function decodeEndpoints(body: JsonObject, policy: DestinationPolicy): readonly Endpoint[] {
  const endpoints = endpointsOf(body).map(([field, endpoint]) => {
    const url = textOf(`${field}.url`, endpoint["url"]);
    if (url === undefined) throw bad(`${field}.url`, endpoint["url"], "is missing");
    const problem = destinationProblem(url, policy);
    if (problem !== null) throw bad(`${field}.url`, url, `cannot be called (${problem})`);
    return definedOnly({ url, name: nameOf(`${field}.name`, endpoint["name"]) });
  });
  refuseContradictions(endpoints);
  return endpoints;
}

/** One name for two URLs, or two names for one: the last would win, and the others be lost. */
function refuseContradictions(endpoints: readonly Endpoint[]): void {
  const byName = new Map<string, number>();
  const byUrl = new Map<string, number>();
  for (const [index, { url, name }] of endpoints.entries()) {
    if (name === undefined) continue;
    const sameName = byName.get(name) ?? index;
    if (endpoints[sameName]?.url !== url) {
      throw bad(
        `endpoints[${index}].name`,
        name,
        `is that of endpoints[${sameName}], which has another url`,
      );
    }
    const sameUrl = byUrl.get(url) ?? index;
    if (endpoints[sameUrl]?.name !== name) {
      throw bad(
        `endpoints[${index}].url`,
        url,
        `is that of endpoints[${sameUrl}], which has another name`,
      );
    }
    byName.set(name, sameName);
    byUrl.set(url, sameUrl);
  }
}

/** `{endpoints: [{name} or {url} or both]}`. Contract 03 §4. */
export function decodePatterns(body: JsonObject): readonly EndpointPattern[] {
  return endpointsOf(body).map(([field, endpoint]) => {
    const url = textOf(`${field}.url`, endpoint["url"]);
    const name = textOf(`${field}.name`, endpoint["name"]);
    if (url === undefined && name === undefined) {
      throw bad(field, endpoint, "has neither name nor url");
    }
    return definedOnly({ url, name });
  });
}

/** Settings that say what a call is to make, not what its messages are like. */
const OF_ONE_CALL = [
  ["cron", "Upstash-Cron"],
  ["schedule-id", "Upstash-Schedule-Id"],
  ["queue-name", "Upstash-Queue-Name"],
] as const;

/**
 * `{headers: {Name: text or list of texts}}`. They are read as if a publish had brought them, so
 * that what would be refused there is refused here. Contract 03 §4.
 */
export function decodeTopicHeaders(
  body: JsonObject,
  context: PublishContext,
): { readonly headers: HeaderMap; readonly options: MessageOptions } {
  refuseUnknownNames(body, ["headers"], "the body");
  const { headers: given } = body;
  if (!isObject(given)) throw bad("headers", given, "is not an object");
  const headers = new Map<string, string[]>();
  for (const [name, values] of Object.entries(given)) {
    const field = `headers.${name}`;
    if (!isFieldName(name) || name.length > MAX_NAME_BYTES) {
      throw bad("headers", name, "holds what is no header name");
    }
    const canonical = canonicalHeaderName(name);
    const before = headers.get(canonical) ?? [];
    headers.set(canonical, [...before, ...listOf(values).map((value) => valueOf(field, value))]);
  }
  const map = Object.fromEntries(headers);
  const bytes = Buffer.byteLength(rawHeaders(map).join(""));
  if (bytes > MAX_TOPIC_HEADER_BYTES) {
    const limit = `the limit is ${MAX_TOPIC_HEADER_BYTES} bytes`;
    throw new InvalidRequest(413, `the headers are too large: ${bytes} bytes, ${limit}`);
  }
  const configuration = gatherFromJson(rawHeaders(map));
  for (const [setting, header] of OF_ONE_CALL) {
    const value = configuration.settings.get(setting);
    if (value !== undefined) throw bad(`headers.${header}`, value, "has no place on a topic");
  }
  const { options } = decodePublishSettings(configuration, context);
  return { headers: map, options };
}

/** Each with the name that it has in a message to the caller. */
function endpointsOf(body: JsonObject): readonly (readonly [string, JsonObject])[] {
  refuseUnknownNames(body, ["endpoints"], "the body");
  const { endpoints } = body;
  if (!Array.isArray(endpoints) || endpoints.length === 0) {
    throw bad("endpoints", endpoints, "is not a list of endpoints");
  }
  if (endpoints.length > MAX_TOPIC_ENDPOINTS) throw tooManyEndpoints(endpoints.length);
  return endpoints.map((endpoint: unknown, index) => {
    const field = `endpoints[${index}]`;
    if (!isObject(endpoint)) throw bad(field, endpoint, "is not an object");
    refuseUnknownNames(endpoint, ["url", "name"], field);
    return [field, endpoint];
  });
}

function tooManyEndpoints(count: number): InvalidRequest {
  return new InvalidRequest(
    412,
    `endpoints: ${count} are more than the ${MAX_TOPIC_ENDPOINTS} that a topic may have`,
  );
}

function nameOf(field: string, value: unknown): string | undefined {
  const name = textOf(field, value);
  if (name === undefined) return undefined;
  const problem = unprintable(name);
  if (problem !== null) throw bad(field, name, problem);
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) {
    throw bad(field, name, `is longer than ${MAX_NAME_BYTES} bytes`);
  }
  return name;
}

/** Undefined when absent, null or empty. */
function textOf(field: string, value: unknown): string | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value === "string") return value;
  throw bad(field, value, "is not a text");
}

function listOf(values: unknown): readonly unknown[] {
  return Array.isArray(values) ? values : [values];
}

function valueOf(field: string, value: unknown): string {
  if (typeof value !== "string") throw bad(field, value, "is not a text");
  const problem = unprintableValue(value.trim());
  if (problem !== null) throw bad(field, value, problem);
  return value.trim();
}

function bad(field: string, value: unknown, problem: string): InvalidRequest {
  return new InvalidRequest(400, `${field} ${problem}: ${quoteJson(value)}`);
}
