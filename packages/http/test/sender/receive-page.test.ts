import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { settlementOf } from "../../src/sender/settlement.ts";

const page = readFileSync(new URL("../../../../docs/receive.md", import.meta.url), "utf8");
const [, table = ""] = page.split("\n| The job | Response | What the sender does |\n|---|---|---|\n");

/** The rows of the page's table: what the job did, and the response to write. */
const rows = [...table.split("\n\n")[0]!.matchAll(/^\| ([^|]+) \| (\d{3})([^|]*) \|/gm)].map(
  ([, job = "", status, rest = ""]) => {
    const headers = [...rest.matchAll(/`([\w-]+): ([^`]+)`/g)].map(([, name = "", value = ""]) => [
      name.toLowerCase(),
      value,
    ]);
    return { job, status: Number(status), headers: Object.fromEntries(headers) as Record<string, string> };
  },
);

/** What the sender does, in the order of the rows. */
const settled = ["completed", "failed", "release", "dead", "dead", "undelivered"];

function settles({ status, headers }: (typeof rows)[number], body: string): string {
  const settlement = settlementOf({ kind: "responded", status, headers, body, whole: true }, "there");
  return settlement.kind === "decided" ? settlement.outcome.kind : settlement.kind;
}

test("a receiver that responds as the table of receive.md says is settled as the table says", () => {
  expect(rows.map((row) => settles(row, ""))).toEqual(settled);
});

test("so is one that writes a problem of push.md beside it: a failed job spends an attempt and ends", () => {
  const problem = (code: string): string =>
    JSON.stringify({ type: `urn:waybill:problem:${code.toLowerCase()}`, title: "Failed", code });
  expect(rows.map((row) => settles(row, problem(row.headers["waybill-reason"] ?? "FORBIDDEN")))).toEqual(settled);
});
