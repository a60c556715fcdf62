import type { Command } from "commander";
import { connected, shared, type SharedOptions } from "../connection.ts";
import { examples } from "../help.ts";
import { printJson, printText } from "../print.ts";

export function migrateCommand(program: Command): void {
  const command = program
    .command("migrate")
    .summary("bring the backend's schema up to date")
    .description("Bring the backend's schema up to the version this release needs, at a time of your choice.");
  examples(
    shared(command).action(migrate),
    ["waybill migrate", "safe to run twice, and while workers run"],
    ["waybill migrate --url sqlite:/srv/jobs.db", "makes the file if it is not there"],
  );
}

/** Opening a backend is what migrates it; a schema that is newer than this release refuses to open. */
async function migrate(options: SharedOptions): Promise<void> {
  const address = await connected(options.url, {}, async (jobs) => jobs.backend.address);
  if (options.json) printJson({ backend: address, upToDate: true });
  else printText(`${address} is up to date.`);
}
