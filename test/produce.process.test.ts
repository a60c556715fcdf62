import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { blocksOf, writeBlocks } from "../scripts/languages/blocks.ts";
import { runProgram, scripted } from "../scripts/languages/programs.ts";
import { openStore, type PlaceName, places, type Store } from "../scripts/languages/stores.ts";

const blocks = blocksOf("docs/produce.md");
const folder = mkdtempSync(join(tmpdir(), "waybill-produce-"));
const fences = ["ruby", "python", "php", "sh"];

/** The same programs without a file of SQLite. */
const elsewhere = mkdtempSync(join(tmpdir(), "waybill-produce-"));

beforeAll(() => [folder, elsewhere].forEach((one) => writeBlocks(blocks, fences, one)));
afterAll(() => [folder, elsewhere].forEach((one) => rmSync(one, { recursive: true, force: true })));

/** The block that stores a job at that place. Two may not be called as the library they load. */
const blockFor = (fence: string, place: string) =>
  blocks.find(({ language, file }) => language === fence && file.replace(/^push_to_|\.\w+$/g, "") === place);

test("each language has a block for each place", () => {
  const missing = Object.entries(scripted).flatMap(([name, { fence }]) =>
    Object.keys(places).flatMap((place) => (blockFor(fence, place) ? [] : [`${name}: ${place}`])),
  );
  expect(missing).toEqual([]);
  expect(Object.values(scripted).map(({ fence }) => fence)).toEqual(fences);
});

describe.each(Object.keys(places) as PlaceName[])("%s", (place) => {
  let store: Store;
  beforeAll(async () => {
    store = await openStore(place, folder);
    return () => store.close();
  }, 120_000);
  const printed = Object.entries(scripted).filter(([, { fence }]) => blockFor(fence, place));

  test.for(printed)("a worker runs the job that the page's program in %s stores", async ([, language], context) => {
    const { file } = blockFor(language.fence, place)!;
    const command = language.commandFor(place, file);
    if (command === null) return context.skip(language.missingFor(place));
    const { status, stdout, stderr } = await runProgram(command, folder, { ...language.env, ...store.env });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(await store.ran(stdout.trim())).toEqual({ payload: { orderId: "o_1" }, attempt: 1 });
    return undefined;
  });

  if (place === "sqlite") {
    test.for(printed)("the page's program in %s waits while another process writes", async ([, language], context) => {
      const { file } = blockFor(language.fence, place)!;
      const command = language.commandFor(place, file);
      if (command === null) return context.skip(language.missingFor(place));
      const writer = new DatabaseSync(join(folder, "waybill.db"), { timeout: 5_000 });
      writer.exec("BEGIN IMMEDIATE");
      const running = runProgram(command, folder, { ...language.env, ...store.env });
      await sleep(1_000);
      writer.exec("ROLLBACK");
      writer.close();
      expect(await running).toMatchObject({ status: 0, stderr: "" });
      return undefined;
    });
  }

  test.for(printed)(
    "the page's program in %s fails where no job can be stored, and prints no id",
    async ([, language], context) => {
      const { file } = blockFor(language.fence, place)!;
      const command = language.commandFor(place, file);
      if (command === null) return context.skip(language.missingFor(place));
      const { status, stdout } = await runProgram(command, elsewhere, { ...language.env, ...store.refusing });
      expect({ failed: status !== 0, id: /[0-9a-f-]{36}/.test(stdout) }).toEqual({ failed: true, id: false });
      return undefined;
    },
  );
});
