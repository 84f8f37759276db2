import type { Server } from "node:net";

/** The TCP port that a server listens at. */
export function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not listening at a port");
  return address.port;
}
