import { join } from "node:path";
import { connect, defineJob } from "@waybill/core";
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

test("waybill why prints its command with the --url that it was given", async () => {
  const { env, folder } = freshPlace();
  const url = `sqlite:${join(folder, "other.db")}`;
  const jobs = await connect(url, { log: "off" });
  const { id } = await jobs.enqueue("mail.send", {});
  const fail = defineJob({
    type: "mail.send",
    retry: { maxAttempts: 1 },
    handler: () => Promise.reject(new Error("no")),
  });
  const settled = new Promise((resolve) => jobs.events.on("settled", resolve));
  await jobs.worker({ jobs: [fail] }).start();
  await settled;
  await jobs.close();
  const { stdout } = await waybill(["why", id, "--url", url], { env });
  expect(stdout).toContain(`waybill dead replay --id ${id} --url ${url}`);
  const inEnvironment = await waybill(["why", id], { env: { ...env, WAYBILL_URL: url } });
  expect(inEnvironment.stdout).toMatch(new RegExp(`waybill dead replay --id ${id}\\n$`));
});
