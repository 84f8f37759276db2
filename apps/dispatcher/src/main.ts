import { startQuickly } from "@omnistore/runtime/quick-start";

startQuickly();
// Loaded only now: what is imported above was loaded before that line ran.
const { runAlone } = await import("@omnistore/launch/run-alone");
const { createDispatcher } = await import("./service.ts");
const summary = "Delivers what is stored, and records and retries it.";
await runAlone(
  { name: "dispatcher", summary, create: createDispatcher },
  process.argv.slice(2),
  process.env,
);
