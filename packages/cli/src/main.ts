#!/usr/bin/env node
import { run } from "./program.ts";

async function main(): Promise<void> {
  const code = await run(process.argv.slice(2));
  // Ends the process even when a handler that ignored its signal still runs; what was printed is out by then.
  process.stdout.write("", () => process.exit(code));
}

void main();
