import { mkdirSync, writeFileSync } from "node:fs";
import { renderConfigurationDoc } from "./configuration-doc.ts";

const docs = new URL("../../../docs/", import.meta.url);
mkdirSync(docs, { recursive: true });
writeFileSync(new URL("configuration.md", docs), renderConfigurationDoc());
