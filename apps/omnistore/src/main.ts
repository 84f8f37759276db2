import { keepCompiledCode } from "@omnistore/runtime/compile-cache";

keepCompiledCode();
// Loaded only now: what is imported above was compiled before that line ran.
const { runCommandLine } = await import("./command-line.ts");
await runCommandLine(process.argv.slice(2), process.env);
