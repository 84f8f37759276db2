import { randomBytes, randomUUID } from "node:crypto";

import type { Pool } from "@omnistore/db/client";
import { makeUuidV7 } from "@omnistore/domain/message/message-id";
import { PLANS } from "@omnistore/domain/tenant/plans";
import { claimDeliveries } from "@omnistore/engine/claim/claim-deliveries.sql";
import type { EngineCore } from "@omnistore/engine/core";
import { registerDispatcher } from "@omnistore/engine/lease/heartbeat.sql";
import { makeMessage } from "@omnistore/engine/publish/make-message";
import { insertMessages } from "@omnistore/engine/store/insert-messages.sql";

import { quantile } from "../measure/statistics.ts";

const CLAIM = 500;
const CLAIMS_OF_A_RUN = 20;

/** Median milliseconds of a claim of 500, each with as many ready deliveries as it may take. */
export async function claimMs({ pool, clock }: EngineCore): Promise<number> {
  const tookMs: number[] = [];
  for (let claim = 0; claim < CLAIMS_OF_A_RUN; claim += 1) {
    const owner = makeUuidV7({ unixMs: Math.floor(clock.nowMs()), random: randomBytes(10) });
    await registerDispatcher(pool, owner);
    await storeReady(pool, clock.nowMs());
    const startedMs = performance.now();
    const { leased } = await claimDeliveries(pool, owner, CLAIM);
    tookMs.push(performance.now() - startedMs);
    if (leased.length !== CLAIM) throw new Error(`claimed ${leased.length} of ${CLAIM}`);
    await pool.query("DELETE FROM deliveries WHERE owner = $1", [owner]);
  }
  return quantile(
    tookMs.toSorted((a, b) => a - b),
    0.5,
  );
}

async function storeReady(pool: Pool, nowMs: number): Promise<void> {
  const tenantId = randomUUID();
  const batch = Array.from({ length: CLAIM }, (_, index) => {
    const due = { kind: "now" } as const;
    const message = makeMessage(
      {
        tenantId,
        wire: "qstash",
        destination: "http://127.0.0.1:9/",
        method: "POST",
        headers: {},
        body: Buffer.from("body"),
        due,
        maxRetries: 3,
        options: {},
      },
      nowMs,
      PLANS.development,
    );
    const virtualTime = Math.round(nowMs * 1000) + index;
    return { message, due, deduplicationKey: null, virtualTime, owner: null };
  });
  await insertMessages(pool, batch);
}
