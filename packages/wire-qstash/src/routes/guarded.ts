import type { HttpBindings } from "@hono/node-server";
import type { Operations } from "@omnistore/domain/operations";
import type { Tell } from "@omnistore/domain/tenant/audit";
import type { Access, Caller } from "@omnistore/domain/tenant/tenant";
import { quote } from "@omnistore/domain/quote";
import type { Context } from "hono";
import { InvalidRequest, errorReply } from "../errors.ts";
import { authenticate, findCredential } from "../request/authentication.ts";
import { audited } from "../request/audit.ts";
import type { Parameter } from "../request/query.ts";
import { parseQuery } from "../request/query.ts";
import { splitTarget } from "../request/target.ts";
import { strictParameters } from "./strict-parameters.ts";

/** The wire reads Node's own request: building a web `Request` costs a third of the rate of publishes. */
export interface WireEnv {
  Bindings: HttpBindings;
}

export type WireHandler = (context: Context<WireEnv>) => Promise<Response>;

/** What every route of the wire needs. */
export interface WireServices {
  readonly operations: Operations;
  /** Told of every failure that is not the caller's. */
  readonly onError: (error: unknown) => void;
}

/** A request by a caller who may. */
export interface CallerRequest {
  readonly caller: Caller;
  readonly parameters: readonly Parameter[];
  readonly context: Context<WireEnv>;
  /** Adds to the entry that a change has in the audit log. */
  readonly tell: Tell;
}

type CallerHandler = (request: CallerRequest) => Promise<Response>;

/**
 * A handler whose failures become answers. Every route goes through it instead of Hono's error
 * handler, which would wrap each call in two more layers of promises.
 */
export function guarded({ onError }: WireServices, handle: WireHandler): WireHandler {
  return async (context) => {
    try {
      return await handle(context);
    } catch (error) {
      return errorReply(error, onError);
    }
  };
}

/** A guarded GET route for callers who may look. Contract 00 §2, 03 §9. */
export function readRoute(services: WireServices, handle: CallerHandler): WireHandler {
  return callerRoute(services, "read", handle);
}

/**
 * A guarded route that changes something, for callers who may; the audit log tells of it. It takes no
 * query parameters: a condition or a `dryRun` that nobody reads would change what it was to protect.
 */
export function writeRoute(services: WireServices, handle: CallerHandler): WireHandler {
  return callerRoute(services, "write", (request) => {
    strictParameters(request.parameters, []);
    return handle(request);
  });
}

/** The same of a route that has parameters, and refuses unknown ones itself. */
export function writeRouteWithQuery(services: WireServices, handle: CallerHandler): WireHandler {
  return callerRoute(services, "write", handle);
}

/** A guarded route that sends messages and changes nothing else. */
export function sendRoute(services: WireServices, handle: CallerHandler): WireHandler {
  return callerRoute(services, "publish", handle);
}

function callerRoute(services: WireServices, access: Access, handle: CallerHandler): WireHandler {
  return guarded(services, async (context) => {
    const { incoming } = context.env;
    const parameters = parseQuery(splitTarget(incoming.url ?? "").query);
    const credential = findCredential(incoming.headers.authorization, parameters);
    const caller = await authenticate(services.operations, credential, access);
    const answer = (tell: Tell) => handle({ caller, parameters, context, tell });
    return access === "write"
      ? audited(services, caller, incoming, answer)
      : answer(() => undefined);
  });
}

/** The answer to a method that a known path does not serve. */
export function onlyMethods(services: WireServices, allowed: readonly string[]): WireHandler {
  return guarded(services, (context) =>
    Promise.reject(methodRefused(context.req.method, context.req.path, allowed)),
  );
}

export function methodRefused(
  method: string,
  path: string,
  allowed: readonly string[],
): InvalidRequest {
  const allow = allowed.join(", ");
  return new InvalidRequest(405, `${method} is not served on ${quote(path)}, only ${allow}`, {
    allow,
  });
}
