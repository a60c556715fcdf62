import { run } from "./program.ts";

// A closed pipe, as of `| head`, is no failure of the command.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

async function main(): Promise<void> {
  const code = await run(process.argv.slice(2));
  // Exits even if a handler that ignored its abort signal still runs. The empty write waits until all output is written.
  process.stdout.write("", () => process.exit(code));
}

void main();
