import { quote, withoutTokens } from "@omnistore/domain/quote";
import { repeatedName } from "@omnistore/domain/message/repeated-name";
import { decodeUtf8, faultOfJson } from "@omnistore/domain/message/sound-json";
import type { Context } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { z } from "zod";

import { ApiError } from "./errors.ts";

const LONGEST_VALUE = 200;
const BODY_BYTES = 64 * 1024;

/** Refuses larger bodies with 413 before they are read. */
export const smallBody = bodyLimit({
  maxSize: BODY_BYTES,
  onError: () => {
    throw new ApiError(413, `the body is too large: the limit is ${BODY_BYTES} bytes`);
  },
});

/** The JSON that a request brings, in the shape of a schema; 400 names every field that is wrong, unknown or there twice. */
export async function readBody<Schema extends z.ZodType>(
  { req }: Context,
  schema: Schema,
): Promise<z.output<Schema>> {
  const text = decodeUtf8(new Uint8Array(await req.arrayBuffer()));
  if (text === null) throw new ApiError(400, "the body is not UTF-8");
  const value = parse(text);
  const fault = faultOfJson(value);
  if (fault !== null) throw new ApiError(400, `the body ${fault}: ${quote(text)}`);
  // Either value could be the one that was meant.
  const twice = repeatedName(text);
  if (twice !== undefined) {
    throw new ApiError(400, `the body has ${quote(twice)} twice in one object: ${quote(text)}`);
  }
  return check(schema, value, "body");
}

/** The query parameters in the shape of a schema, of which each is a text; 400 for one that is there twice. */
export function readQuery<Schema extends z.ZodType>(
  { req }: Context,
  schema: Schema,
): z.output<Schema> {
  const given = Object.entries(req.queries());
  for (const [name, [first = "", second]] of given) {
    if (second === undefined) continue;
    throw new ApiError(400, `${name} was given twice: ${quote(first)} and ${quote(second)}`);
  }
  return check(schema, Object.fromEntries(given.map(([name, [value]]) => [name, value])), "query");
}

/** No body at all is an empty object: every field may then be missing. */
function parse(text: string): unknown {
  if (text === "") return {};
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError(400, `the body is not JSON: ${quote(text)}`);
  }
}

function check<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  place: string,
): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => {
    const field = path.length > 0 ? path.join(".") : place;
    return `${field} ${shown(valueAt(value, path))}: ${message.replace(VERDICT, "")}`;
  });
  throw new ApiError(400, problems.join("; "));
}

/** What zod begins with; that something is wrong is known by then. */
const VERDICT = /^Invalid input: /;

function shown(value: unknown): string {
  if (typeof value === "string") return quote(value);
  const text = withoutTokens(JSON.stringify(value) ?? "absent");
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (at, key) => (typeof at === "object" && at !== null ? Reflect.get(at, key) : undefined),
    value,
  );
}
