import { writeFileSync } from "node:fs";

import { renderCompatibilityDoc } from "./page.ts";
import { readAllTests } from "./written-tests.ts";

const page = new URL("../../../../docs/compatibility.md", import.meta.url);
writeFileSync(page, renderCompatibilityDoc(readAllTests()));
