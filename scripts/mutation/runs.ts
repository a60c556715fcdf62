// Loaded by every test file of a mutation run: defines what `askingFirst` calls. WAYBILL_LEFT_OUT is the number of the
// statement that is left out. WAYBILL_REACHED is the folder in which each test file lists the statements that it reached.
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect } from "vitest";

const leftOut = Number(process.env["WAYBILL_LEFT_OUT"] ?? -1);
const folder = process.env["WAYBILL_REACHED"];
const reached = new Set<number>();
/** A loop without its end asks for ever, and no timeout interrupts it. */
const MOST_CALLS = 20_000_000;
let calls = 0;

function runs(number: number): boolean {
  if (folder !== undefined) reached.add(number);
  if (number !== leftOut) return true;
  calls += 1;
  if (calls > MOST_CALLS) throw new Error(`a loop did not end without statement ${number}`);
  return false;
}

Object.assign(globalThis, { __runs: runs });

if (folder !== undefined) {
  afterAll(() => {
    const file = expect.getState().testPath ?? "";
    const name = createHash("sha256").update(file).digest("hex");
    writeFileSync(join(folder, `${name}.json`), JSON.stringify({ file, reached: [...reached] }));
  });
}
