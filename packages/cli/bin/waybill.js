#!/usr/bin/env node
// Committed, so that npm links the command before the first build. Its one import is of what the build makes.
import { existsSync } from "node:fs";

const main = new URL("../dist/main.js", import.meta.url);
if (existsSync(main)) await import(main.href);
else {
  process.stderr.write("error: waybill is not built yet; run: npm run build\n");
  process.exitCode = 1;
}
