import { defineConfig } from "oxfmt";

// The formatter's own defaults, everywhere. What tools write is left as they write it.
export default defineConfig({
  ignorePatterns: [
    "pnpm-lock.yaml",
    "migrations/**",
    "docs/configuration.md",
    "docs/access.md",
    "docs/compatibility.md",
  ],
});
