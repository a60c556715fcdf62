import type { Command } from "commander";
import { maskUrl } from "@waybill/core/backend";
import { connected, shared, type SharedOptions } from "../connection.ts";
import { nonEmpty } from "../options/values.ts";
import { inCommands } from "../output/command-words.ts";
import { examples, section } from "../output/help.ts";
import { printJson, printText } from "../output/print.ts";
import { bold } from "../output/style.ts";

export function whyCommand(program: Command): void {
  const command = program
    .command("why")
    .argument("<id>", "the job's id, as its receipt has it", nonEmpty)
    .summary("say why a job does not run")
    .description(
      "Say why a job does not run, where it is or what became of it, and what to do. It reads what the store and the live workers say, and changes nothing.",
    );
  examples(
    shared(command).action((id: string, options: SharedOptions) => sayWhy(id, options, givenUrl(command))),
    ["waybill why 0199a3c2-…", "one paragraph, and what to do"],
    ["waybill why --json 0199a3c2-…", "the code and the facts, as one line of JSON"],
  );
  section(
    command,
    "Note",
    "Workers report their jobs with each heartbeat (10 s by default), so what a worker does now may be said a heartbeat later. SQS and RabbitMQ let no one look into their queues: there it reads the records of a borrowed ledger (--ledger), and without them says NOT_VISIBLE of most jobs.",
  );
}

/** The --url of the command line, for the commands to type. Null where the environment has it, or where it hides a password. */
function givenUrl(command: Command): string | null {
  const { url } = command.opts<SharedOptions>();
  return command.getOptionValueSource("url") === "cli" && maskUrl(url) === url ? url : null;
}

/** Returns the text with the URL after each command that changes dead letters. */
function withUrl(text: string, url: string | null): string {
  const quoted = url !== null && /^[\w./:@%+,=-]+$/.test(url) ? url : `'${url}'`;
  return url === null
    ? text
    : text.replaceAll(/\bwaybill dead (?:replay|drop) --id \S+/g, (asked) => `${asked} --url ${quoted}`);
}

async function sayWhy(id: string, options: SharedOptions, url: string | null): Promise<void> {
  const why = await connected(options, {}, (jobs) => jobs.why(id));
  if (options.json) {
    printJson(why);
    return;
  }
  const besides = why.also.map(({ code, text }) => `Besides, ${bold(code)}: ${text}`);
  printText([`${bold(why.code)}  ${why.text}`, ...besides, withUrl(why.remedy, url)].map(inCommands).join("\n\n"));
}
