import { connect, type Jobs } from "@waybill/core";
import { ENDED_BY_ANOTHER, endedByAnother } from "@waybill/test-servers/features";
import { expect, onTestFinished, test } from "vitest";
import { temporaryFile } from "./temporary-file.ts";

async function connected(file: string): Promise<Jobs> {
  const jobs = await connect(`sqlite:${file}`, { log: "off" });
  onTestFinished(() => jobs.close());
  return jobs;
}

test("a wait ends as JOB_CANCELLED or JOB_DEAD when another connection cancels the job or drops its dead letter", async () => {
  const file = temporaryFile();
  expect(await endedByAnother(await connected(file), await connected(file))).toEqual(ENDED_BY_ANOTHER);
});
