import { Client, Receiver } from "@upstash/qstash";

/** Published with the protocol's development server; OmniStore accepts them in development mode only. */
export const DEVELOPMENT = {
  token: "eyJVc2VySUQiOiJkZWZhdWx0VXNlciIsIlBhc3N3b3JkIjoiZGVmYXVsdFBhc3N3b3JkIn0=",
  currentSigningKey: "sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r",
  nextSigningKey: "sig_5ZB6DVzB1wjE8S6rZ7eenA8Pdnhs",
} as const;

/** The official client, unmodified, pointed at a running service. */
export function officialClient(baseUrl: string, token: string = DEVELOPMENT.token): Client {
  return new Client({ baseUrl, token, devMode: false, enableTelemetry: false });
}

/** The official verifier with the development keys. */
export function officialReceiver(): Receiver {
  return new Receiver({
    currentSigningKey: DEVELOPMENT.currentSigningKey,
    nextSigningKey: DEVELOPMENT.nextSigningKey,
  });
}
