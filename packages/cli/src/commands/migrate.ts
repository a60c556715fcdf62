import type { Command } from "commander";
import { migrate as migrateSchema, type Migration } from "@waybill/core";
import { maskUrl } from "@waybill/core/backend";
import { shared, type SharedOptions } from "../connection.ts";
import { examples } from "../output/help.ts";
import { printJson, printText } from "../output/print.ts";

export function migrateCommand(program: Command): void {
  const command = program
    .command("migrate")
    .summary("bring the backend's schema up to date")
    .description("Bring the backend's schema up to the version this release needs, at a time of your choice.");
  examples(
    shared(command).action(migrate),
    ["waybill migrate", "safe to run twice, and while workers run"],
    ["waybill migrate --url sqlite:/srv/jobs.db", "creates the file if it is missing"],
  );
}

async function migrate(options: SharedOptions): Promise<void> {
  const backend = maskUrl(options.url);
  const migration = await migrateSchema(options.url);
  if (options.json) printJson({ backend, ...migration });
  else printText(migration === null ? `${backend} keeps no schema.` : sentence(backend, migration));
}

function sentence(backend: string, { from, to }: Migration): string {
  return from === to ? `${backend} is at schema ${to} already.` : `${backend} went from schema ${from} to ${to}.`;
}
