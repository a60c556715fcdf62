import { connect } from "@waybill/core";
import { expect, test } from "vitest";
import { freshPlace, jsonLines, waybill } from "../cli.ts";

test("waybill why says why a job does not run, as text and as one line of JSON", async () => {
  const { env, url } = freshPlace();
  const jobs = await connect(url, { log: "off" });
  const { id } = await jobs.enqueue("mail.send", {}, { delay: "2h" });
  await jobs.close();
  const { stdout, stderr, code } = await waybill(["why", id], { env });
  expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
  expect(stdout).toMatch(
    /^DELAYED {2}It is delayed until .* \(in 1 h\): .*\n\nBesides, NO_WORKER: No live worker .*\n\nWait, or run it now/,
  );
  const [line] = jsonLines((await waybill(["why", "--json", id], { env })).stdout);
  expect(line).toMatchObject({ id, code: "DELAYED", facts: { type: "mail.send", queue: "default" } });
});

test("waybill why says of an id that is not there that there is no trace of it", async () => {
  const { env } = freshPlace();
  const { stdout, code } = await waybill(["why", "0199a3c2-0000-7000-8000-000000000000"], { env });
  expect(stdout).toMatch(/^NEVER_SEEN {2}There is no trace of it at sqlite:/);
  expect(code).toBe(0);
});
