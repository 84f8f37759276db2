import { startQuickly } from "@omnistore/runtime/quick-start";

startQuickly();
// Loaded only now: what is imported above was loaded before that line ran.
const { runAlone } = await import("@omnistore/launch/run-alone");
const { createApi } = await import("./service.ts");
const summary = "Takes messages over HTTP and stores them.";
await runAlone({ name: "api", summary, create: createApi }, process.argv.slice(2), process.env);
