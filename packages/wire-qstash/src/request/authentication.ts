import type { Operations } from "@omnistore/domain/operations";
import { accessProblem, type Access, type Caller } from "@omnistore/domain/tenant/tenant";
import { InvalidRequest } from "../errors.ts";
import { overBudget } from "./rate-limit.ts";
import { TOKEN_PARAMETER } from "./destination.ts";
import type { Parameter } from "./query.ts";

/** A token and where it was found. */
export interface Credential {
  readonly token: string;
  readonly source: "header" | "query";
}

const BEARER = /^Bearer(?: +(.*))?$/i;

/**
 * The token of a request: `Authorization: Bearer`, else `qstash_token` in the query. An
 * `Authorization` of another scheme is somebody else's and does not count. Contract 00 §2.
 */
export function findCredential(
  authorization: string | undefined,
  parameters: readonly Parameter[],
): Credential {
  const bearer = authorization === undefined ? null : BEARER.exec(authorization);
  if (bearer !== null) {
    const token = bearer[1]?.trim() ?? "";
    if (token !== "") return { token, source: "header" };
    throw new InvalidRequest(401, "the Authorization header holds no token after Bearer");
  }
  const [parameter, another] = parameters.filter(
    ({ name }) => name.toLowerCase() === TOKEN_PARAMETER,
  );
  if (another !== undefined) {
    throw new InvalidRequest(400, `the query parameter ${TOKEN_PARAMETER} was given twice`);
  }
  if (parameter !== undefined) {
    const token = parameter.value ?? "";
    if (token !== "") return { token, source: "query" };
    throw new InvalidRequest(401, `the query parameter ${TOKEN_PARAMETER} holds no token`);
  }
  throw new InvalidRequest(
    401,
    authorization === undefined
      ? `no token: send "Authorization: Bearer <token>" or the query parameter ${TOKEN_PARAMETER}`
      : 'the Authorization header must have the form "Bearer <token>"',
  );
}

/** Who the token stands for. Throws 401 for a stranger, 403 for a caller who may not, 429 for too many. */
export async function authenticate(
  operations: Operations,
  credential: Credential,
  access: Access,
): Promise<Caller> {
  const caller = await operations.authenticate(credential.token);
  if (caller === null) {
    const place =
      credential.source === "header" ? "Authorization header" : `parameter ${TOKEN_PARAMETER}`;
    throw new InvalidRequest(401, `the token in the ${place} is unknown or no longer valid`);
  }
  const problem = accessProblem(caller, access);
  if (problem !== null) throw new InvalidRequest(403, problem);
  // What sends messages has no limit by the second. Contract 00 §4.
  const spent = access === "publish" ? null : await operations.admit(caller);
  if (spent !== null) throw overBudget(spent, caller.plan);
  return caller;
}
