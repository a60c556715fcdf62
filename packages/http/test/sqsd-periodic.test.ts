import { connect, defineJob, type JobContext } from "@waybill/core";
import { expect, test } from "vitest";
import { z } from "zod";
import { createReceiver, createRelay, type PeriodicTick, sqsd } from "../src/index.ts";
import { daemonRequest, envelope, keys, signedAttributes, tickRequest } from "./daemon-request.ts";

const PATH = "/tasks/nightly";
/** The daemon's clock is read to the second. */
const DUE = `${new Date(Date.now() - 3_600_000).toISOString().slice(0, 19)}Z`;
const ISO = new Date(DUE).toISOString();

/** A receiver with one periodic task, and its runs. `until` holds them open. */
function nightly(until: Promise<void> = Promise.resolve()) {
  const ran: { readonly tick: PeriodicTick; readonly job: JobContext }[] = [];
  const report = defineJob({
    type: "report.nightly",
    timeout: "1m",
    payload: z.object({ task: z.string(), scheduledAt: z.iso.datetime() }),
    queue: "reports",
    version: 3,
    async handler(tick, job) {
      ran.push({ tick, job });
      await until;
    },
  });
  const periodic = { "nightly-report": { path: PATH, job: report } };
  const receiver = createReceiver({
    jobs: [report],
    carriers: [sqsd({ keys, httpConnections: 10, periodic })],
    log: "off",
  });
  return { receiver, ran, periodic };
}

test("a periodic task runs its job, whose payload says which task and when it was due", async () => {
  const { receiver, ran } = nightly();
  const answer = await receiver(tickRequest("nightly-report", PATH, DUE));
  expect(answer.status).toBe(200);
  expect(ran[0]?.tick).toEqual({ task: "nightly-report", scheduledAt: ISO });
  expect(ran[0]?.job).toMatchObject({ type: "report.nightly", queue: "reports", attempt: 1 });
  expect(ran[0]?.job.envelope).toMatchObject({ created_at: ISO, meta: { payload_version: 3 } });
});

test("a tick that is sent twice is the same job, another tick is another", async () => {
  const { receiver, ran } = nightly();
  const later = `${new Date(Date.parse(DUE) + 60_000).toISOString().slice(0, 19)}Z`;
  for (const at of [DUE, DUE.replace("Z", ".250+00:00"), later]) {
    expect((await receiver(tickRequest("nightly-report", PATH, at))).status).toBe(200);
  }
  const [first, second, third] = ran.map(({ job }) => job.id);
  expect(second).toBe(first);
  expect(third).not.toBe(first);
});

test("a tick that comes again while its job runs joins it", async () => {
  let end = (): void => {};
  const { receiver, ran } = nightly(new Promise((resolve) => (end = resolve)));
  const both = [1, 2].map(() => receiver(tickRequest("nightly-report", PATH, DUE)));
  await expect.poll(() => receiver.load().running).toBe(1);
  end();
  expect((await Promise.all(both)).map(({ status }) => status)).toEqual([200, 200]);
  expect(ran).toHaveLength(1);
});

test("a tick that is relayed twice is stored once", async () => {
  const { periodic } = nightly();
  const jobs = await connect("memory:", { log: "off" });
  const relay = createRelay({ to: jobs, carriers: [sqsd({ keys, httpConnections: 10, periodic })] });
  const stored = [];
  for (let time = 0; time < 2; time += 1) {
    stored.push(await (await relay(tickRequest("nightly-report", PATH, DUE))).json());
  }
  expect(stored).toMatchObject([{ stored: true }, { stored: false }]);
  await jobs.close();
});

const daysAgo = (days: number): string => new Date(Date.now() - days * 86_400_000).toISOString();
test.each<[string, Request]>([
  ["of a task that is not in the list", tickRequest("hourly-report", PATH, DUE)],
  ["of a task named as a part of every object", tickRequest("constructor", PATH, DUE)],
  ["of a task that is at another path", tickRequest("nightly-report", "/work", DUE)],
  ["at a path of nobody", tickRequest("nightly-report", "/tasks/other", DUE)],
  ["with a body", tickRequest("nightly-report", PATH, DUE, envelope("report.nightly"))],
  ["without a time", tickRequest("nightly-report", PATH, null)],
  ["at a time that is none", tickRequest("nightly-report", PATH, "yesterday")],
  ["at a time beyond the calendar", tickRequest("nightly-report", PATH, "2026-99-99T00:00:00Z")],
  ["older than a queue keeps anything", tickRequest("nightly-report", PATH, daysAgo(15))],
  ["of tomorrow", tickRequest("nightly-report", PATH, daysAgo(-1))],
])("a tick %s is refused with 403, and nothing runs", async (_, request) => {
  const { receiver, ran } = nightly();
  expect((await receiver(request)).status).toBe(403);
  expect(ran).toEqual([]);
});

test("a signed job at the path of a task is a job like any other", async () => {
  const { receiver, ran } = nightly();
  const body = envelope("report.nightly", { task: "by hand", scheduledAt: ISO });
  expect((await receiver(daemonRequest({ body, attributes: signedAttributes(body), path: PATH }))).status).toBe(200);
  expect(ran).toHaveLength(1);
});

test("what cannot work is refused when the program starts", () => {
  const job = defineJob({ type: "report.nightly", handler: () => {} });
  const withPath = (path: string) => () => sqsd({ keys, periodic: { nightly: { path, job } } });
  expect(withPath("tasks")).toThrow(/path of periodic task "nightly" is "tasks": begin it with a slash/);
  expect(withPath("/tasks?name=nightly")).toThrow(/leave out \?/);
  const payload = z.object({ orderId: z.string() });
  const strict = defineJob({ type: "receipt.send", payload, handler: () => {} });
  expect(() => sqsd({ keys, periodic: { nightly: { path: "/tasks", job: strict } } })).toThrow(
    /"nightly" runs "receipt.send", whose payload is not \{ task, scheduledAt \}: .*a job of its own/,
  );
  const carriers = [withPath("/tasks")()];
  expect(() => createReceiver({ jobs: [], carriers, log: "off" })).toThrow(
    'sqsd makes jobs of type "report.nightly", which are not among `jobs`',
  );
});
