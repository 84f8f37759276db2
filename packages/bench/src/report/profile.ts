import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What V8 writes, as far as it is read here. Times are microseconds. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Places with less than this share of the time are not shown. */
const LEAST_SHARE = 0.01;

/** Where the processes of OmniStore spent their time, by the profiles in a folder. */
export function renderProfiles(folder: string): string {
  return readdirSync(folder)
    .map((file) => renderProfile(readProfile(join(folder, file))))
    .join("\n");
}

function readProfile(file: string): CpuProfile {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- V8 wrote it a moment ago
  return JSON.parse(readFileSync(file, "utf8")) as CpuProfile;
}

/** The shares of the time in which a process was not idle, greatest first: packages, and what V8 and Node do themselves. */
export function renderProfile(profile: CpuProfile): string {
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
  const spent = new Map<string, number>();
  let busy = 0;
  for (const [index, id] of profile.samples.entries()) {
    const frame = frames.get(id);
    if (frame === undefined || frame.functionName === "(idle)") continue;
    const place = placeOf(frame);
    const us = profile.timeDeltas[index] ?? 0;
    spent.set(place, (spent.get(place) ?? 0) + us);
    busy += us;
  }
  const [app = "another process"] = [...frames.values()].flatMap(
    ({ url }) => /\/apps\/(\w+)\/src\/main\.ts$/.exec(url)?.[1] ?? [],
  );
  const lines = [...spent]
    .toSorted(([, a], [, b]) => b - a)
    .filter(([, us]) => us / busy >= LEAST_SHARE)
    .map(([place, us]) => `${((100 * us) / busy).toFixed(1).padStart(6)} %  ${place}`);
  return [`${app}, busy for ${(busy / 1e6).toFixed(1)} s:`, ...lines, ""].join("\n");
}

function placeOf({ functionName, url }: CpuProfile["nodes"][number]["callFrame"]): string {
  if (url === "") return functionName === "" ? "(native)" : functionName;
  if (url.startsWith("node:")) return url;
  const [, library] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url) ?? [];
  const [, own] = /\/((?:packages|apps)\/[^/]+)\/src\//.exec(url) ?? [];
  return library ?? own ?? url;
}
