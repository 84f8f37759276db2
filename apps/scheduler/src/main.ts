import { startQuickly } from "@omnistore/runtime/quick-start";

startQuickly();
// Loaded only now: what is imported above was loaded before that line ran.
const { runAlone } = await import("@omnistore/launch/run-alone");
const { createScheduler } = await import("./service.ts");
const summary = "Makes messages of schedules when these are due.";
await runAlone(
  { name: "scheduler", summary, create: createScheduler },
  process.argv.slice(2),
  process.env,
);
