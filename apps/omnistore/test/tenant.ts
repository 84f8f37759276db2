import { officialClient } from "@omnistore/testkit/official-client";
import type { Client } from "@upstash/qstash";

import type { RunningNode } from "./running-node.ts";

/** For nodes whose tests make tenants: the value of `OMNISTORE_ADMIN_TOKEN`. */
export const ADMIN_TOKEN = "an admin token that nobody can guess";

/** A tenant of its own for a test, by the operator's API. */
export interface TestTenant {
  readonly token: string;
  readonly readonlyToken: string;
  readonly signingKeys: { readonly current: string; readonly next: string };
  readonly client: Client;
  /** A request as no SDK sends it; the body is JSON when there is one. */
  request(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Response>;
}

export async function createTenant(node: RunningNode, name: string): Promise<TestTenant> {
  const response = await fetch(`${node.url}/admin/v1/tenants`, {
    method: "POST",
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, "content-type": "application/json" },
    body: JSON.stringify({ name }),
  });
  if (response.status !== 201) throw new Error(`no tenant: ${await response.text()}`);
  const made = (await response.json()) as Pick<
    TestTenant,
    "token" | "readonlyToken" | "signingKeys"
  >;
  return {
    ...made,
    client: officialClient(node.url, made.token),
    request: (method, path, body, headers) =>
      fetch(node.url + path, {
        method,
        headers: {
          authorization: `Bearer ${made.token}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
  };
}
