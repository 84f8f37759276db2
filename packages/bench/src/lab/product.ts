import { DEVELOPMENT_CREDENTIALS } from "@omnistore/engine/tenant/development-credentials";
import { startProcess, type RunningProcess } from "@omnistore/testkit/child-process";

import type { Lab } from "./lab.ts";

const OPERATOR_TOKEN = "an operator token for benches, 32+";

/** A running OmniStore, as a user starts it. */
export interface Product {
  readonly origin: string;
  readonly pid: number;
  end(): Promise<void>;
}

export const AUTHORIZATION = { authorization: `Bearer ${DEVELOPMENT_CREDENTIALS.token}` } as const;

/** `omnistore start`: api, dispatcher and scheduler in one process. */
export async function startAllInOne(lab: Lab, databaseUrl: string): Promise<Product> {
  const running = start(lab, "omnistore", databaseUrl, ["start"]);
  const ready = await running.line("OmniStore is ready: ");
  return { ...handle(running), origin: ready.split(": ")[1]?.trim() ?? "" };
}

/** The api alone. */
export async function startApi(lab: Lab, databaseUrl: string): Promise<Product> {
  const running = start(lab, "api", databaseUrl);
  const ready = await running.line("the api is listening");
  const port = /"port":(\d+)/.exec(ready)?.[1] ?? "";
  return { ...handle(running), origin: `http://127.0.0.1:${port}` };
}

function start(lab: Lab, app: string, databaseUrl: string, words: readonly string[] = []) {
  const running = startProcess(
    `apps/${app}/src/main.ts`,
    {
      PORT: "0",
      DATABASE_URL: databaseUrl,
      OMNISTORE_ADMIN_TOKEN: OPERATOR_TOKEN,
      NODE_OPTIONS: process.env["OMNISTORE_BENCH_NODE_OPTIONS"] ?? "",
    },
    words,
  );
  lab.onClose(() => running.end("SIGTERM"));
  return running;
}

function handle(running: RunningProcess) {
  return { pid: running.pid, end: () => running.end("SIGTERM") };
}
