import { enableCompileCache } from "node:module";
import { fileURLToPath } from "node:url";

/**
 * What Node compiles is kept beside the packages, which shortens the next start. In a folder of the
 * installation rather than the shared temporary one, where somebody else could have put it; where
 * the installation is read-only there is none, and nothing else changes.
 */
export function keepCompiledCode(): void {
  enableCompileCache(
    fileURLToPath(new URL("../../../node_modules/.cache/compiled", import.meta.url)),
  );
}
