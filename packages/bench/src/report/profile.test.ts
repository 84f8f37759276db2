import { expect, test } from "vitest";

import { renderProfile } from "./profile.ts";

const frame = (functionName: string, url = "") => ({ functionName, url });

test("shares are of the time that a process was busy, by package", () => {
  const text = renderProfile({
    nodes: [
      { id: 1, callFrame: frame("(idle)") },
      { id: 2, callFrame: frame("main", "file:///x/apps/omnistore/src/main.ts") },
      {
        id: 3,
        callFrame: frame(
          "dispatch",
          "file:///x/node_modules/.pnpm/u@1/node_modules/undici/lib/a.js",
        ),
      },
      {
        id: 4,
        callFrame: frame("request", "file:///x/node_modules/.pnpm/u@1/node_modules/undici/b.js"),
      },
      { id: 5, callFrame: frame("writev") },
      { id: 6, callFrame: frame("rare", "file:///x/packages/engine/src/store/a.ts") },
    ],
    samples: [1, 2, 3, 4, 5, 6],
    timeDeltas: [9_000_000, 500_000, 200_000, 200_000, 95_000, 5_000],
  });
  expect(text.split("\n")).toEqual([
    "omnistore, busy for 1.0 s:",
    "  50.0 %  apps/omnistore",
    "  40.0 %  undici",
    "   9.5 %  writev",
    "",
  ]);
});
