import type { IncomingMessage } from "node:http";
import type { Operations } from "@omnistore/domain/operations";
import { outcomeOfStatus, type Tell } from "@omnistore/domain/tenant/audit";
import type { Caller } from "@omnistore/domain/tenant/tenant";
import { errorReply } from "../errors.ts";
import { callerIp } from "./caller-ip.ts";
import { TOKEN_PARAMETER } from "./destination.ts";
import { parseQuery } from "./query.ts";
import { splitTarget } from "./target.ts";

interface Recorder {
  readonly operations: Pick<Operations, "audited">;
  readonly onError: (error: unknown) => void;
}

/** Forwarded headers, callbacks and what belongs to them. */
const SEALED = /^upstash-(forward-|(failure-)?callback)/i;

/** Longest path, and longest query, of an entry. */
const KEPT = 1_000;

/** Makes a change that its tenant can read about later: by which token, from where, and what. */
export function audited(
  { operations, onError }: Recorder,
  { tenantId, token }: Caller,
  incoming: IncomingMessage,
  work: (tell: Tell) => Promise<Response>,
): Promise<Response> {
  const { path, query } = splitTarget(incoming.url ?? "");
  return operations.audited(
    {
      tenantId,
      actor: { kind: "token", ...token },
      action: `${incoming.method} ${path}`.slice(0, KEPT),
      query: withoutSecrets(query).slice(0, KEPT),
      from: callerIp(incoming.socket.remoteAddress) ?? null,
    },
    // A refusal is an answer here, so that its entry can be taken back.
    (tell) => work(tell).catch((error: unknown) => errorReply(error, onError)),
    ({ status }) => outcomeOfStatus(status),
  );
}

/** Without the token, and without the values of settings that are sealed where they are stored. */
function withoutSecrets(query: string | undefined): string {
  return parseQuery(query)
    .filter(({ name }) => name.toLowerCase() !== TOKEN_PARAMETER)
    .map(({ raw, name }) => (SEALED.test(name) ? `${raw.split("=")[0]}=REDACTED` : raw))
    .join("&");
}
