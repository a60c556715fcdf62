import { defineJob } from "@waybill/core";
import { testJobs } from "@waybill/core/testing";
import { expect, test } from "vitest";
import { z } from "zod";
import { schedulesFromCronYaml } from "../../../src/index.ts";

const file = `version: 1
cron:
 - name: "backup-job"          # required - unique across all entries in this file
   url: "/backup"              # required - does not need to be unique
   schedule: "0 */12 * * *"    # required - does not need to be unique
 - name: "audit"
   url: "/audit"
   schedule: "0 23 * * *"
`;
const ran: unknown[] = [];
const task = z.object({ task: z.string() });
const backup = defineJob({
  type: "backup",
  payload: task,
  handler: (payload, job) => void ran.push([payload.task, job.schedule?.at.toISOString().slice(11, 16)]),
});
const audit = defineJob({ type: "audit", payload: task, handler: (payload) => void ran.push([payload.task, "once"]) });

test("the tasks of a cron.yaml run as schedules, in UTC", async () => {
  const schedules = await schedulesFromCronYaml(file, { "backup-job": backup, audit });
  const jobs = await testJobs({ jobs: [backup, audit], schedules });
  await jobs.advance("1d");
  await jobs.close();
  expect(ran.toSorted()).toEqual([
    ["audit", "once"],
    ["backup-job", "00:00"],
    ["backup-job", "12:00"],
  ]);
});

test.each([
  ["version: 2\ncron: []", "version of cron.yaml is 2: 1 is the only one there is"],
  ["version: 1", "cron of cron.yaml is undefined: a list of tasks is needed"],
  ["version: 1\ncron:\n - name: a\n   url: /a", "schedule of task 1 in cron.yaml is undefined: a text is needed"],
  ["version: [1", "cron.yaml is no YAML: "],
  [file.replace("0 23 * * *", "0 23 * *"), 'cron of schedule "audit" is "0 23 * *", which has 4 fields'],
  [
    file.replace('"audit"', '"audits"'),
    'a job is given for "audit", which is no task of cron.yaml; did you mean "audits"?',
  ],
  [
    `${file} - name: "new"\n   url: "/new"\n   schedule: "0 1 * * *"\n`,
    'task "new" of cron.yaml has no job; pass { "new": itsDefinition }',
  ],
])("the file %j is refused", async (text, message) => {
  await expect(schedulesFromCronYaml(text, { "backup-job": backup, audit })).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringContaining(message),
  });
});
