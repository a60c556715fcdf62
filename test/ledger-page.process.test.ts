import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { serviceUrl } from "@waybill/test-servers";
import { expect, test } from "vitest";
import { read } from "./workspace.ts";

const run = promisify(execFile);
const programs = [...read("docs/ledger.md").matchAll(/^```js\n([\s\S]*?)^```/gm)].map(([, text = ""]) => text);

test.each(programs.map((text, at) => [at + 1, text] as const))(
  "docs/ledger.md, program %i: SQS borrows the ledger of a database, and lists its workers there",
  async (_at, text) => {
    const urls = [
      ["sqs://eu-west-1/shop", await serviceUrl("sqs")],
      ["postgres://shop:secret@db.internal/shop", await serviceUrl("postgres")],
    ] as const;
    for (const [printed] of urls) expect(text).toContain(printed);
    const program = urls.reduce((changed, [printed, url]) => changed.replace(printed, url), text);
    // The URL in the page has no parameters of its own.
    const joined = program.replace(/(`sqs:[^`]*\?[^`]*)\?ledger=/, "$1&ledger=");
    const asked = `${joined}\nconsole.log(JSON.stringify(await jobs.workers()));\nawait jobs.close();\n`;
    const args = [
      "--conditions=waybill-source",
      "--disable-warning=ExperimentalWarning",
      "--input-type=module",
      "-e",
      asked,
    ];
    const { stdout } = await run(process.execPath, args);
    expect(stdout.trim()).toBe("[]");
  },
  60_000,
);
