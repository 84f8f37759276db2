import { Resolver } from "node:dns/promises";

/** How long a name server may take to answer, and how often it is asked. */
const DNS = { timeout: 2_000, tries: 2 };

/** Asks the given name servers, `address` or `address:port` each, or else those of this machine. */
export function nameResolver(servers: readonly string[] = []): Resolver {
  const resolver = new Resolver(DNS);
  if (servers.length > 0) resolver.setServers(servers);
  return resolver;
}
