import { networkInterfaces } from "node:os";

import {
  ANYWHERE,
  publicOnly,
  type DestinationPolicy,
} from "@omnistore/domain/deliver/destination-policy";

/** The settings that say where deliveries may go. */
export interface DestinationSettings {
  readonly mode: "dev" | "hosted";
  /** CIDR notation. */
  readonly allowNetworks: readonly string[];
  readonly publicUrl?: string;
}

/** The policy of this process, which knows the addresses of its machine at the start. */
export function destinationPolicy(settings: DestinationSettings): DestinationPolicy {
  if (settings.mode === "dev") return ANYWHERE;
  return publicOnly({
    openNetworks: settings.allowNetworks,
    ownUrl: settings.publicUrl,
    ownAddresses: Object.values(networkInterfaces()).flatMap((found = []) =>
      found.map(({ address }) => address),
    ),
  });
}
