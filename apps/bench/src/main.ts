import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { errorMessage } from "@waybill/core";
import { machineFacts } from "./machine.ts";
import type { Row } from "./row.ts";
import { scenarios } from "./scenarios/index.ts";
import type { Scale, Scenario } from "./scenarios/scenario.ts";
import { table } from "./table.ts";

const USAGE = `Usage: npm run bench -- [options]

Measures waybill beside other libraries in one run and prints a table.

  --json FILE     also write the rows as a JSON array
  --only NAME     one scenario; may be repeated: ${scenarios.map((scenario) => scenario.name).join(", ")}
  --rounds N      times every side is measured, the median counts (default 3)
  --quick         few jobs, one round: shows that it works, its speeds mean nothing
`;

interface Options {
  readonly json: string | undefined;
  readonly chosen: readonly Scenario[];
  readonly scale: Scale;
}

async function main(): Promise<void> {
  const options = readOptions();
  if (options === null) return void process.stdout.write(USAGE);
  process.stdout.write(`${machineFacts().join("\n")}\n`);
  const rows: Row[] = [];
  for (const scenario of options.chosen) {
    process.stdout.write(`\n${scenario.title}\n`);
    const measured = await scenario.run(options.scale);
    process.stdout.write(`${table(measured)}\n`);
    rows.push(...measured);
  }
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(rows, null, 2)}\n`);
}

/** Null: help was asked for. */
function readOptions(): Options | null {
  const { values } = parseArgs({
    options: {
      json: { type: "string" },
      only: { type: "string", multiple: true },
      rounds: { type: "string" },
      quick: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return null;
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 3));
  if (!Number.isSafeInteger(rounds) || rounds < 1)
    throw new Error(`--rounds is ${values.rounds}; give a whole number from 1`);
  return { json: values.json, chosen: chosen(values.only), scale: { rounds, share: values.quick ? 0.01 : 1 } };
}

function chosen(names: readonly string[] | undefined): readonly Scenario[] {
  if (names === undefined) return scenarios;
  const known = scenarios.map((scenario) => scenario.name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`--only ${unknown}: there are ${known.join(", ")}`);
  return scenarios.filter((scenario) => names.includes(scenario.name));
}

void main().catch((error: unknown) => {
  process.stderr.write(`bench: ${errorMessage(error)}\n`);
  process.exitCode = 1;
});
