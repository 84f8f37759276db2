import type { RunningNode } from "./running-node.ts";
import { ADMIN_TOKEN } from "./tenant.ts";

/** What a request was answered with. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // oxlint-disable-next-line typescript/no-explicit-any -- a test looks into it and fails if it is not there
  readonly body: any;
}

/** A request with any bearer token, or none; the body is JSON when there is one. */
export async function ask(
  url: string,
  method: string,
  path: string,
  { token, body }: { readonly token?: string | undefined; readonly body?: unknown } = {},
): Promise<Answer> {
  const response = await fetch(url + path, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: parse(text) };
}

/** The same as the operator. */
export function asOperator(
  node: Pick<RunningNode, "url">,
  method: string,
  path: string,
  body?: unknown,
): Promise<Answer> {
  return ask(node.url, method, `/admin/v1${path}`, { token: ADMIN_TOKEN, body });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
