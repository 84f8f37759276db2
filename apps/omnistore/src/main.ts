import { startQuickly } from "@omnistore/runtime/quick-start";

startQuickly();
// Loaded only now: what is imported above was loaded before that line ran.
const { runCommandLine } = await import("./command-line.ts");
await runCommandLine(process.argv.slice(2), process.env);
