import { readFileSync } from "node:fs";
import { DeadLetter, connect, defineJob } from "@waybill/core";
import { type RabbitServer, startRabbit } from "@waybill/test-servers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freshStore } from "./fixture.ts";

let rabbit: RabbitServer;

beforeAll(async () => {
  rabbit = await startRabbit();
}, 120_000);

afterAll(() => rabbit.stop());

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const printed = /^rabbitmqctl set_permissions -p \/ app '(.+?)' '(.+?)' '(.+?)'$/m.exec(readme) ?? [];

test("with the permissions of the README jobs are delayed, retried, dead-lettered and replayed", async () => {
  const { url, prefix } = await freshStore({}, { server: rabbit.url });
  const [, ...patterns] = printed;
  expect(patterns).toHaveLength(3);
  await rabbit.ctl("add_user", "app", "secret");
  await rabbit.ctl("set_permissions", "app", ...patterns.map((one) => one.replace("waybill", prefix)));
  let runs = 0;
  const job = defineJob({
    type: "rights.used",
    retry: { maxAttempts: 2, initial: "100ms" },
    handler: () => {
      runs += 1;
      if (runs === 1) throw new Error("once more");
      if (runs === 2) throw new DeadLetter("for the replay");
    },
  });
  const jobs = await connect(url.replace("//guest:guest@", "//app:secret@"), { log: "off" });
  const outcomes: string[] = [];
  jobs.events.on("settled", ({ outcome }) => void outcomes.push(outcome));
  await jobs.worker({ jobs: [job] }).start();
  await jobs.enqueue(job, {}, { delay: "300ms" });
  await expect.poll(() => outcomes, { timeout: 60_000 }).toEqual(["retry", "dead"]);
  await jobs.inspector?.replay();
  await expect.poll(() => outcomes, { timeout: 60_000 }).toEqual(["retry", "dead", "completed"]);
  await jobs.close();
}, 120_000);
