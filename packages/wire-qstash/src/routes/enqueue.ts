import { checkName } from "../headers/name.ts";
import type { PublishRouteOptions, PublishRouteShape } from "../publish/publish-request.ts";
import { readPublishRequest } from "../publish/publish-request.ts";
import { splitTarget } from "../request/target.ts";
import type { WireHandler, WireServices } from "./guarded.ts";
import { guarded } from "./guarded.ts";
import { checkMethod, publishOne } from "./publish.ts";

const BASE = "/v2/enqueue/";

/**
 * `POST /v2/enqueue/{queue}/{destination}`: a publish that goes through a FIFO queue, which is made
 * when there is none of that name. Contract 01 §1, 07 Q37.
 */
export function enqueueRoute(services: WireServices, options: PublishRouteOptions): WireHandler {
  return guarded(services, async ({ env: { incoming } }) => {
    const shape = shapeOf(incoming.url ?? "");
    return publishOne(services, await readPublishRequest(services, options, shape, incoming));
  });
}

function shapeOf(target: string): PublishRouteShape {
  const { path } = splitTarget(target);
  const start = path.indexOf(BASE) + BASE.length;
  const end = path.indexOf("/", start);
  const queueName = path.slice(start, end === -1 ? undefined : end);
  return {
    verbPath: `${BASE}${queueName}/`,
    access: "publish",
    queueName: checkName("the queue name", queueName),
    checkMethod: (method, credential) => checkMethod(method, credential, "/v2/enqueue"),
  };
}
