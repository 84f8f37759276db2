import { startProcess, type RunningProcess } from "@omnistore/testkit/child-process";

/** Lease of the dispatchers of `startServices`. */
export const LEASE_SECONDS = 3;

/** The services that `pnpm start` runs in one process. */
export type ServiceName = "api" | "dispatcher" | "scheduler";

/**
 * Starts services as processes of their own on one database; an api among them. Each is added to `running` at once, to
 * be ended also when another does not start. Resolves with where the api listens.
 */
export async function startServices(
  databaseUrl: string,
  names: readonly ServiceName[],
  running: RunningProcess[],
): Promise<string> {
  const started = names.map((name) => {
    const child = startProcess(`apps/${name}/src/main.ts`, {
      DATABASE_URL: databaseUrl,
      PORT: "0",
      OMNISTORE_LEASE_SECONDS: String(LEASE_SECONDS),
    });
    running.push(child);
    return child;
  });
  const api = started[names.indexOf("api")];
  const line = JSON.parse((await api?.line("the api is listening")) ?? "{}") as { port: number };
  return `http://127.0.0.1:${line.port}`;
}
