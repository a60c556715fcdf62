import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { blocksOf, writeBlocks } from "../scripts/languages/blocks.ts";
import { runProgram } from "../scripts/languages/programs.ts";
import { refusesEmptySecret, scriptedReceivers, startReceiver } from "../scripts/languages/receivers.ts";
import { expected, observe } from "../scripts/languages/receiving.ts";

const blocks = blocksOf("docs/receive.md");
const fences = ["python", "ruby", "php"];

test("each language that needs no compiler is started", () => {
  expect(Object.values(scriptedReceivers).map(({ fence }) => fence)).toEqual(fences);
});

test.for(Object.entries(scriptedReceivers))(
  "the page's receiver in %s runs what our sender pushes, answers each outcome, and refuses forgeries",
  async ([, program], context) => {
    const missing = program.missing();
    if (missing !== null) return context.skip(missing);
    const folder = mkdtempSync(join(tmpdir(), "waybill-receive-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    writeBlocks(blocks, [program.fence, "sh"], folder);
    const receiver = await startReceiver(program, folder);
    try {
      expect(await observe(receiver.origin, receiver.keys, folder)).toEqual(expected);
      const tried = await runProgram(["sh", "-e", "try.sh"], folder, receiver.env);
      expect(tried).toMatchObject({ status: 0, stdout: expect.stringMatching(/^HTTP\/1\.[01] 200 /) });
    } finally {
      await receiver.stop();
    }
    expect(await refusesEmptySecret(program, folder)).toBe(true);
    return undefined;
  },
);
