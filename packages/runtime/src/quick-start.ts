import { enableCompileCache, registerHooks, type ResolveHookSync } from "node:module";
import { fileURLToPath } from "node:url";

/** To be called before anything large is imported; without it a start takes more than twice as long. */
export function startQuickly(): void {
  keepCompiledCode();
  registerHooks({ resolve: resolveInside });
}

/**
 * What Node compiles is kept beside the packages, which shortens the next start. In a folder of the
 * installation rather than the shared temporary one, where somebody else could have put it; where
 * the installation is read-only there is none, and nothing else changes.
 */
function keepCompiledCode(): void {
  enableCompileCache(
    fileURLToPath(new URL("../../../node_modules/.cache/compiled", import.meta.url)),
  );
}

/** A package whose `package.json` is so long that reading it anew for each file of it takes most of a start. */
const LONG_PACKAGE = "/node_modules/drizzle-orm/";

/**
 * A file that another one of the package names by its path, found without the package: Node reads and
 * parses 137 KB of `exports` for each of some 420 such imports, and needs nothing of it but that
 * these files are modules.
 */
export const resolveInside: ResolveHookSync = (specifier, context, next) => {
  const { parentURL } = context;
  const isInside = parentURL?.includes(LONG_PACKAGE) === true && /^\.\.?\/.*\.js$/.test(specifier);
  if (!isInside) return next(specifier, context);
  return { url: new URL(specifier, parentURL).href, format: "module", shortCircuit: true };
};
