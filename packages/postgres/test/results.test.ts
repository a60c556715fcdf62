import { connect, type Jobs } from "@waybill/core";
import { ENDED_BY_ANOTHER, endedByAnother } from "@waybill/test-servers/features";
import { expect, onTestFinished, test } from "vitest";
import { freshUrl } from "./database.ts";

async function connected(url: string): Promise<Jobs> {
  const jobs = await connect(url, { log: "off" });
  onTestFinished(() => jobs.close());
  return jobs;
}

test("a wait ends as JOB_CANCELLED or JOB_DEAD when another connection cancels the job or drops its dead letter", async () => {
  const url = await freshUrl();
  expect(await endedByAnother(await connected(url), await connected(url))).toEqual(ENDED_BY_ANOTHER);
});
