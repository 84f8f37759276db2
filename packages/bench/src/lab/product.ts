import { resolve } from "node:path";

import { DEVELOPMENT_CREDENTIALS } from "@omnistore/engine/tenant/development-credentials";
import { startProcess, type RunningProcess } from "@omnistore/testkit/child-process";

import type { Lab } from "./lab.ts";

/** As the scripts of package.json start Node; peers get the same. */
export const NODE_FLAGS = "--max-semi-space-size=32";

const OPERATOR_TOKEN = "an operator token for benches, 32+";

/** A running OmniStore, as a user starts it. */
export interface Product {
  readonly origin: string;
  readonly pid: number;
  end(): Promise<void>;
}

/** What an OmniStore is started with. */
export interface ProductPlace {
  readonly databaseUrl?: string;
  /** Where it keeps a PostgreSQL of its own, without a `databaseUrl`. */
  readonly dataDir?: string;
  /** Folder of another checkout to run instead of this one. */
  readonly checkout?: string | undefined;
}

export const AUTHORIZATION = { authorization: `Bearer ${DEVELOPMENT_CREDENTIALS.token}` } as const;

/** `omnistore start`: api, dispatcher and scheduler in one process. */
export async function startAllInOne(lab: Lab, place: ProductPlace): Promise<Product> {
  const running = start(lab, "omnistore", place, ["start"]);
  const ready = await running.line("OmniStore is ready: ");
  return { ...handle(running), origin: ready.split(": ")[1]?.trim() ?? "" };
}

/** The api alone. */
export async function startApi(lab: Lab, place: ProductPlace): Promise<Product> {
  const running = start(lab, "api", place);
  const ready = await running.line("the api is listening");
  const port = /"port":(\d+)/.exec(ready)?.[1] ?? "";
  return { ...handle(running), origin: `http://127.0.0.1:${port}` };
}

/** A dispatcher alone; it delivers from when it has heard of the queue, a moment later. */
export function startDispatcher(lab: Lab, place: ProductPlace): Pick<Product, "pid" | "end"> {
  return handle(start(lab, "dispatcher", place));
}

/** A new tenant; resolves with its token. */
export async function createTenant({ origin }: Product, name: string): Promise<string> {
  const response = await fetch(`${origin}/admin/v1/tenants`, {
    method: "POST",
    headers: { authorization: `Bearer ${OPERATOR_TOKEN}`, "content-type": "application/json" },
    body: JSON.stringify({ name }),
  });
  const made: unknown = await response.json();
  if (typeof made === "object" && made !== null && "token" in made) return String(made.token);
  throw new Error(`no tenant was made: ${JSON.stringify(made)}`);
}

function start(lab: Lab, app: string, place: ProductPlace, words: readonly string[] = []) {
  const file = `apps/${app}/src/main.ts`;
  const running = startProcess(
    place.checkout === undefined ? file : resolve(place.checkout, file),
    {
      PORT: "0",
      OMNISTORE_ADMIN_TOKEN: OPERATOR_TOKEN,
      NODE_OPTIONS: [
        NODE_FLAGS,
        ...(lab.profileDir === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${lab.profileDir}`]),
      ].join(" "),
      ...(place.databaseUrl === undefined ? {} : { DATABASE_URL: place.databaseUrl }),
      ...(place.dataDir === undefined ? {} : { OMNISTORE_DATA_DIR: place.dataDir }),
    },
    words,
  );
  lab.onClose(() => running.end("SIGTERM"));
  return running;
}

function handle(running: RunningProcess) {
  return { pid: running.pid, end: () => running.end("SIGTERM") };
}
