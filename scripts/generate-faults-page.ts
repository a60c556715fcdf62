// Writes docs/faults.md from the catalogue of faults and the results of its last runs.
import { writeFileSync } from "node:fs";
import { faultsPage } from "../apps/faults/src/catalogue/page.ts";
import { readResults } from "../apps/faults/src/catalogue/results.ts";
import { scenarios } from "../apps/faults/src/catalogue/scenarios.ts";

writeFileSync(new URL("../docs/faults.md", import.meta.url), faultsPage(scenarios, readResults()));
