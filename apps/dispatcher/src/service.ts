import type { DeliveryWire } from "@omnistore/domain/delivery-wire";
import type { WireName } from "@omnistore/domain/message/message";
import type { EngineCore } from "@omnistore/engine/core";
import { destinationPolicy } from "@omnistore/engine/deliver/destination-policy";
import { createHttpClient } from "@omnistore/engine/deliver/http-client";
import { nameResolver } from "@omnistore/engine/deliver/name-servers";
import { OutcomeRecorder } from "@omnistore/engine/record/outcome-recorder";
import type { DirectLane } from "@omnistore/engine/store/direct-lane";
import { Announcer, WakeListener } from "@omnistore/engine/wake/wake-channel";
import type { Config } from "@omnistore/runtime/config";
import type { Logger } from "@omnistore/runtime/logger";
import { composeServices, defineService, type Service } from "@omnistore/runtime/service";
import { qstashDelivery } from "@omnistore/wire-qstash";

import { createHousekeeping } from "./housekeeping.ts";
import { LeaseKeeper } from "./lease-keeper.ts";
import { Pipeline } from "./pipeline.ts";

export interface Dispatcher extends Service {
  /** For the store of an api in the same process. */
  readonly directLane: DirectLane;
  /** Something was stored: look at the queue. */
  poke(): void;
}

/** Claims, delivers and records. Any number of dispatchers may run against one database. */
export function createDispatcher(config: Config, core: EngineCore, logger: Logger): Dispatcher {
  const client = createHttpClient({
    policy: destinationPolicy(config),
    egressProxy: config.egressProxy,
    resolver: nameResolver(config.nameServers),
  });
  const wires: Record<WireName, DeliveryWire> = {
    qstash: qstashDelivery({ region: config.region }),
  };
  const announcer = new Announcer(core.pool, "deliveries");
  const recorder = new OutcomeRecorder({
    pool: core.pool,
    clock: core.clock,
    vault: core.vault,
    plans: core.plans,
    onStored: () => {
      pipeline.poke();
      announcer.announce();
    },
    onError: (error) => {
      logger.error({ err: error }, "outcomes could not be recorded; trying again");
    },
  });
  const lease = new LeaseKeeper({
    core,
    leaseMs: config.leaseMs,
    logger,
    heldBy: (owner) => pipeline.heldBy(owner),
    onRescued: () => pipeline.poke(),
  });
  const pipeline = new Pipeline({
    core,
    client,
    wires,
    recorder,
    logger,
    owner: () => lease.owner,
    place: () => lease.place,
  });

  const delivering = defineService("deliveries", {
    async start() {
      await lease.start();
      pipeline.start();
    },
    async stop() {
      await pipeline.stop();
      await recorder.close();
      await lease.stop();
      await client.destroy();
    },
  });
  const service = composeServices("dispatcher", [
    delivering,
    new WakeListener(core.databaseUrl, "deliveries", () => pipeline.poke()),
    createHousekeeping(core, logger),
  ]);
  return {
    name: service.name,
    start: () => service.start(),
    stop: () => service.stop(),
    directLane: pipeline,
    poke: () => pipeline.poke(),
  };
}
