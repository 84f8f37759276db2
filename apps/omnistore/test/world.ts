import { startReceiver, type Receiver } from "@omnistore/testkit/receiver";
import { until } from "@omnistore/testkit/until";
import type { Client, Log } from "@upstash/qstash";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";

import { rawCall, type Answer, type CallOptions } from "./raw-call.ts";
import { startNode, type RunningNode } from "./running-node.ts";
import { ADMIN_TOKEN, createTenant, type TestTenant } from "./tenant.ts";

/** What a test meets: the one service of its file, and a tenant and a receiver that are its own. */
export interface World {
  readonly node: RunningNode;
  readonly tenant: TestTenant;
  readonly client: Client;
  readonly receiver: Receiver;
  /** Sends `<method> <path and query>` as it is written, with the tenant's token unless told otherwise. */
  call(line: string, options?: CallOptions): Promise<Answer>;
  /** The JSON of a GET that has to succeed. */
  get<Body = Record<string, unknown>>(path: string): Promise<Body>;
  /** The message that a publish made, or the first of a batch or topic, as the service shows it. */
  messageOf(answer: Answer): Promise<Record<string, unknown>>;
  /** A message that waits for an hour, as the service shows it. */
  waiting(
    headers: CallOptions["headers"],
    body?: string | Buffer,
  ): Promise<Record<string, unknown>>;
  /** The log of a message, oldest first, once it holds the state. */
  settled(messageId: string, state: Log["state"]): Promise<readonly Log[]>;
}

/** Starts the service before the tests of a file and stops it behind them. */
export function world(env: NodeJS.ProcessEnv = {}): World {
  let node: RunningNode;
  let tenant: TestTenant;
  let receiver: Receiver;
  beforeAll(async () => {
    node = await startNode({ OMNISTORE_ADMIN_TOKEN: ADMIN_TOKEN, ...env });
  });
  afterAll(() => node.stop());
  beforeEach(async () => {
    [receiver, tenant] = await Promise.all([startReceiver(), createTenant(node, "contract")]);
  });
  afterEach(() => receiver.close());

  const call: World["call"] = (line, { headers = {}, body } = {}) => {
    const names = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
    const authorization = names.has("authorization") || line.includes("qstash_token=");
    return rawCall(node.url, line, {
      headers: authorization ? headers : { ...headers, authorization: `Bearer ${tenant.token}` },
      ...(body === undefined ? {} : { body }),
    });
  };

  const get = async <Body>(path: string) => {
    const answer = await call(`GET ${path}`);
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${answer.text}`);
    return answer.json as Body;
  };
  const messageOf: World["messageOf"] = async ({ status, text, json }) => {
    if (status > 202) throw new Error(`${status} ${text}`);
    const [published] = [json].flat() as { messageId: string }[];
    return get(`/v2/messages/${published?.messageId}`);
  };

  return {
    get node() {
      return node;
    },
    get tenant() {
      return tenant;
    },
    get client() {
      return tenant.client;
    },
    get receiver() {
      return receiver;
    },
    call,
    get,
    messageOf,
    waiting: async (headers, body = "") =>
      messageOf(
        await call("POST /v2/publish/https://example.com/", {
          headers: { "Upstash-Delay": "1h", ...headers },
          body,
        }),
      ),
    settled: (messageId, state) =>
      until(async () => {
        const { logs } = await tenant.client.logs({ filter: { messageId } });
        return logs.some((log) => log.state === state) && logs.toReversed();
      }),
  };
}
