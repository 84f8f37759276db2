import type { EngineCore } from "@omnistore/engine/core";
import { destinationPolicy } from "@omnistore/engine/deliver/destination-policy";
import { ScheduleRunner } from "@omnistore/engine/schedule/run-due";
import { Announcer, WakeListener } from "@omnistore/engine/wake/wake-channel";
import type { Config } from "@omnistore/runtime/config";
import type { Logger } from "@omnistore/runtime/logger";
import { composeServices, defineService, type Service } from "@omnistore/runtime/service";
import { qstashSchedules } from "@omnistore/wire-qstash";

import { TickLoop } from "./tick-loop.ts";

export interface SchedulerOptions {
  /** Called when messages were stored: for a dispatcher in the same process. */
  readonly onStored?: () => void;
}

/** Fires schedules when their time comes. Any number of schedulers may run against one database. */
export function createScheduler(
  config: Config,
  core: EngineCore,
  logger: Logger,
  options: SchedulerOptions = {},
): Service {
  const announcer = new Announcer(core.pool, "deliveries");
  const loop = new TickLoop({
    runner: new ScheduleRunner({
      ...core,
      wires: { qstash: qstashSchedules(destinationPolicy(config)) },
    }),
    logger,
    onStored: () => {
      options.onStored?.();
      announcer.announce();
    },
  });
  const ticking = defineService("ticks", {
    async start() {
      loop.start();
      logger.info("the scheduler is running");
    },
    stop: () => loop.stop(),
  });
  return composeServices("scheduler", [
    ticking,
    new WakeListener(core.databaseUrl, "schedules", () => loop.poke()),
  ]);
}
