#!/usr/bin/env node
// `npm create waybill -- ARGUMENTS` is `waybill init ARGUMENTS`.
import { run } from "@waybill/cli";

process.exitCode = await run(["init", ...process.argv.slice(2)]);
