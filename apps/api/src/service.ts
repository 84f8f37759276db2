import type { EngineCore } from "@omnistore/engine/core";
import { destinationPolicy } from "@omnistore/engine/deliver/destination-policy";
import { HostCheck } from "@omnistore/engine/deliver/host-check";
import { nameResolver } from "@omnistore/engine/deliver/name-servers";
import { createOperations } from "@omnistore/engine/operations";
import type { DirectLane } from "@omnistore/engine/store/direct-lane";
import { MessageStore } from "@omnistore/engine/store/message-store";
import { createAdministration } from "@omnistore/engine/administration";
import { Authenticator } from "@omnistore/engine/tenant/authenticate";
import { ensureDevelopmentTenants } from "@omnistore/engine/tenant/development-tenant";
import { Budgets } from "@omnistore/engine/tenant/budgets";
import { TokenUses } from "@omnistore/engine/tenant/token-uses";
import { Announcer, WakeListener } from "@omnistore/engine/wake/wake-channel";
import type { Config } from "@omnistore/runtime/config";
import type { Logger } from "@omnistore/runtime/logger";
import { composeServices, defineService, type Service } from "@omnistore/runtime/service";

import { createApp } from "./app.ts";
import { close, createHttpServer, listen } from "./http-server.ts";
import { refuseOwnDelivery } from "./refuse-own-delivery.ts";

/** A dispatcher in the same process, which can be handed messages without a claim. */
export interface Neighbour {
  readonly directLane: DirectLane;
  poke(): void;
}

export interface Api extends Service {
  /** The port it listens on; what `PORT=0` chose is known once it has started. */
  readonly port: number;
  /** Every route it serves, as Hono names them. */
  readonly routes: readonly { readonly method: string; readonly path: string }[];
}

/** Accepts and answers. Any number of apis may run against one database. */
export function createApi(
  config: Config,
  core: EngineCore,
  logger: Logger,
  neighbour?: Neighbour,
): Api {
  const announcer = new Announcer(core.pool, "deliveries");
  const scheduleAnnouncer = new Announcer(core.pool, "schedules");
  const wakeDispatchers = () => {
    neighbour?.poke();
    announcer.announce();
  };
  const store = new MessageStore({
    pool: core.pool,
    clock: core.clock,
    directLane: neighbour?.directLane,
    onStored: wakeDispatchers,
  });
  const tokenUses = new TokenUses(core.pool);
  const authenticator = new Authenticator(core.db, {
    acceptDevelopmentCredentials: config.mode === "dev",
    vault: core.vault,
    plans: core.plans,
    onUsed: (tenantId, tokenId) => tokenUses.note(tenantId, tokenId),
  });
  const credentialAnnouncer = new Announcer(core.pool, "credentials");
  const budgets = new Budgets(core.pool, core.clock);
  const destinations = destinationPolicy(config);
  const operations = createOperations({
    scopeOf: core.scopeOf,
    clock: core.clock,
    vault: core.vault,
    store,
    signingKeys: core.signingKeys,
    hosts: new HostCheck({ policy: destinations, resolver: nameResolver(config.nameServers) }),
    authenticator,
    budgets,
    bandwidth: core.bandwidth,
    onScheduleChanged: () => scheduleAnnouncer.announce(),
    wakeDispatchers,
    onError: (error) => logger.error({ err: error }, "a message could not be stored"),
  });
  const administration = createAdministration({
    pool: core.pool,
    scopeOf: core.scopeOf,
    db: core.db,
    clock: core.clock,
    vault: core.vault,
    defaultPlan: config.mode === "dev" ? "development" : "pay-as-you-go",
    onCredentialsChanged: () => {
      authenticator.forget();
      credentialAnnouncer.announce();
    },
  });
  const app = createApp({ config, core, destinations, operations, administration, logger });
  const server = createHttpServer(
    app,
    config.mode === "hosted" ? { refuse: refuseOwnDelivery } : {},
  );
  let port = config.port;

  const serving = defineService("requests", {
    async start() {
      if (config.mode === "dev") await ensureDevelopmentTenants(core.db, core.vault);
      port = await listen(server, config.port, config.host);
      logger.info({ host: config.host, port }, "the api is listening");
    },
    async stop() {
      await close(server);
      await store.drain();
    },
  });
  const service = composeServices("api", [
    tokenUses,
    budgets,
    new WakeListener(core.databaseUrl, "credentials", () => authenticator.forget()),
    serving,
  ]);
  return {
    name: service.name,
    start: () => service.start(),
    stop: () => service.stop(),
    routes: app.routes,
    get port() {
      return port;
    },
  };
}
