import type { IncomingMessage } from "node:http";
import type { DestinationPolicy } from "@omnistore/domain/deliver/destination-policy";
import { defaultRetries } from "@omnistore/domain/tenant/plans";
import type { Caller } from "@omnistore/domain/tenant/tenant";
import type { Configuration } from "../headers/configuration.ts";
import { gatherConfiguration, gatherFromJson, withDefaults } from "../headers/configuration.ts";
import type { PublishContext } from "../headers/publish-settings.ts";
import { rawHeaders } from "../headers/raw-headers.ts";
import type { Credential } from "../request/authentication.ts";
import { authenticate, findCredential } from "../request/authentication.ts";
import { callerIp } from "../request/caller-ip.ts";
import { takeDestination } from "../request/destination.ts";
import type { WireServices } from "../routes/guarded.ts";
import type { Receivers } from "./receivers.ts";
import { resolveReceivers } from "./receivers.ts";

/** All of a request that holds a destination in its path, but the body, which is not read yet. */
export interface PublishRequest {
  readonly caller: Caller;
  readonly receivers: Receivers;
  /** With the topic's headers, where it goes to one. */
  readonly configuration: Configuration;
  /** What the request said itself. */
  readonly own: Configuration;
  readonly context: PublishContext;
  readonly incoming: IncomingMessage;
}

export interface PublishRouteOptions {
  /** Where messages may go. */
  readonly destinations: DestinationPolicy;
}

/** Where a route has its destination, and what it has to say about whoever asks. */
export interface PublishRouteShape {
  /** What stands before the destination, with the slash. */
  readonly verbPath: string;
  /** To send messages, or to change what sends them. */
  readonly access: "publish" | "write";
  readonly queueName?: string;
  /** Throws for a method that is not served. */
  readonly checkMethod?: (method: string, credential: Credential) => void;
}

/**
 * Reads the head of a publish-type request: who asks, whom the destination means, and what headers,
 * query parameters and the topic's own headers say, in this order of precedence. Contract 00 §8.
 */
export async function readPublishRequest(
  { operations }: WireServices,
  { destinations }: PublishRouteOptions,
  { verbPath, access, queueName, checkMethod }: PublishRouteShape,
  incoming: IncomingMessage,
): Promise<PublishRequest> {
  const { destination, reserved } = takeDestination(incoming.url ?? "", verbPath);
  const credential = findCredential(incoming.headers.authorization, reserved);
  const caller = await authenticate(operations, credential, access);
  checkMethod?.(incoming.method ?? "", credential);
  const receivers = await resolveReceivers(destination, {
    destinations,
    findTopic: (name) => operations.getTopic(caller.tenantId, name),
  });
  const own = gatherConfiguration(incoming.rawHeaders, reserved);
  return {
    caller,
    receivers,
    configuration: withTopicHeaders(own, receivers),
    own,
    context: {
      nowMs: operations.nowMs(),
      callerIp: callerIp(incoming.socket.remoteAddress),
      authorizationIsOurs: credential.source === "header",
      destinations,
      plan: caller.plan,
      defaultRetries: defaultRetries(caller.plan),
      queueName,
    },
    incoming,
  };
}

/** A topic's headers take the place of what the publisher left out. Contract 00 §8. */
export function withTopicHeaders(own: Configuration, receivers: Receivers): Configuration {
  if (receivers.kind === "url") return own;
  return withDefaults(own, gatherFromJson(rawHeaders(receivers.topic.headers)));
}
