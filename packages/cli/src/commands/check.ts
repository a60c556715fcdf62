import type { Command } from "commander";
import { EnvelopeError } from "@waybill/core";
import { isInstance } from "@waybill/core/endpoint";
import { check, type Checked, type Found } from "../check/document.ts";
import { faultOf } from "../check/faults.ts";
import { readInput } from "../check/read-input.ts";
import { CommandError } from "../exit.ts";
import { examples, section } from "../output/help.ts";
import { type KeyFlags, keysOption, readKeys } from "../options/keys.ts";
import { printJson, printText } from "../output/print.ts";
import { bold, dim } from "../output/style.ts";

interface Options extends KeyFlags {
  readonly json?: true;
}

export function checkCommand(program: Command): void {
  const command = program
    .command("check")
    .summary("report what is wrong with an envelope")
    .description(
      "Check an envelope, a signed wrapper or a batch against the spec and report every fault with its place.",
    )
    .argument("<file>", 'the file that holds it, or "-" to read standard input')
    .addOption(keysOption())
    .option("--json", "print JSON, one line per fault; errors too, on stderr");
  examples(
    command.action(run),
    ["waybill check job.json", "the pointer, the code and the sentence of the spec, for each fault"],
    ["ruby producer.rb | waybill check -", "the output of a producer in another language"],
    ["waybill check batch.ndjson --json", "a batch, as an ingress accepts it: an envelope or a wrapper per line"],
  );
  section(
    command,
    "Exit codes",
    "0 valid   1 not valid   2 not readable. The signature of a wrapper is verified if keys are given.",
  );
}

async function run(file: string, options: Options): Promise<void> {
  const keys = readKeys(options);
  const { form, envelopes, faults } = await judge(() => readInput(file).then((text) => check(text, keys)));
  const what = form === "batch" ? `a batch of ${envelopes} envelopes` : `${ARTICLE[form]} ${NAME[form]}`;
  const name = file === "-" ? "standard input" : file;
  if (options.json) faults.forEach((fault) => printJson(fault));
  else faults.forEach((fault) => printText(paragraph(fault)));
  if (faults.length > 0) {
    const count = `${faults.length} ${faults.length === 1 ? "fault" : "faults"}`;
    throw new CommandError("ENVELOPE_INVALID", `${name}, read as ${what}, has ${count}`);
  }
  if (options.json) printJson({ form, envelopes, valid: true });
  else printText(`${name} is ${what} and valid${signatureNote(form, keys !== null)}.`);
}

const ARTICLE = { envelope: "an", wrapper: "a" } as const;
const NAME = { envelope: "envelope", wrapper: "signed wrapper" } as const;

function signatureNote(form: Checked["form"], hasKeys: boolean): string {
  if (form !== "wrapper") return "";
  return hasKeys ? "; its signature verifies" : "; its signature was not verified, as no keys are given";
}

/** Reports input that cannot be read as text as one fault, with the spec's code. */
async function judge(work: () => Promise<Checked>): Promise<Checked> {
  try {
    return await work();
  } catch (thrown) {
    if (!isInstance(thrown, EnvelopeError)) throw thrown;
    const fault: Found = { ...faultOf(thrown.envelopeCode, thrown.pointer, thrown.message), line: null };
    return { form: "envelope", envelopes: 1, faults: [fault] };
  }
}

/** Formats a fault: the pointer and the code, the message, and the rule of the spec. */
function paragraph({ line, pointer, code, message, rule, field }: Found): string {
  const place = [line === null ? null : `line ${line}`, pointer === "" ? null : pointer].filter((one) => one !== null);
  const said = [rule, field].filter((one) => one !== null).map((one) => `  ${dim("spec:")} ${one}`);
  const text = pointer !== "" && message.startsWith(`${pointer}: `) ? message.slice(pointer.length + 2) : message;
  return [`${bold([...place, code].join("  "))}`, `  ${text}`, ...said].join("\n");
}
