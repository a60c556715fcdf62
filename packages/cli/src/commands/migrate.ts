import type { Command } from "commander";
import { maskUrl, toError } from "@waybill/core";
import { shared, type SharedOptions } from "../connection.ts";
import { CommandError, UsageError } from "../exit.ts";
import { examples } from "../help.ts";
import { printJson, printText } from "../print.ts";

/** What a backend package exports when it keeps a schema. Safe to call twice and from several processes at once. */
interface SchemaKeeper {
  readonly migrate: (url: string) => Promise<{ readonly from: number; readonly to: number }>;
}

/** The schemes whose backends keep a schema; every other backend declares what it needs when it is opened. */
const KEEPERS: Readonly<Record<string, string>> = {
  sqlite: "@waybill/sqlite",
  postgres: "@waybill/postgres",
  postgresql: "@waybill/postgres",
};

export function migrateCommand(program: Command): void {
  const command = program
    .command("migrate")
    .summary("bring the backend's schema up to date")
    .description("Bring the backend's schema up to the version this release needs, or say that it is.");
  examples(
    shared(command).action(migrate),
    ["waybill migrate", "safe to run twice, and while workers run"],
    ["waybill migrate --json", "one object with the schema versions: from, to"],
  );
}

async function migrate(options: SharedOptions): Promise<void> {
  const keeper = await keeperFor(options.url);
  const { from, to } = await keeper.migrate(options.url);
  const backend = maskUrl(options.url);
  if (options.json) printJson({ backend, from, to });
  else
    printText(from === to ? `${backend} is at schema ${to} already.` : `${backend} went from schema ${from} to ${to}.`);
}

async function keeperFor(url: string): Promise<SchemaKeeper> {
  const scheme = url.slice(0, Math.max(0, url.indexOf(":"))).toLowerCase();
  const name = Object.hasOwn(KEEPERS, scheme) ? KEEPERS[scheme] : undefined;
  if (name === undefined) {
    const schemes = Object.keys(KEEPERS).join(", ");
    throw new UsageError(`"${maskUrl(url)}" has no schema to migrate; backends that have one: ${schemes}`);
  }
  try {
    return (await import(name)) as SchemaKeeper;
  } catch (thrown) {
    const { message } = toError(thrown);
    if (!message.includes(name)) throw thrown;
    throw new CommandError("CONFIG_INVALID", `a "${scheme}:" URL needs the package ${name}; run: npm install ${name}`, {
      cause: thrown,
    });
  }
}
