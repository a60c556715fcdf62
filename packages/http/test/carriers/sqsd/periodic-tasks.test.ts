import { connect, defineJob, type JobContext } from "@waybill/core";
import { expect, test } from "vitest";
import { z } from "zod";
import { createReceiver, createRelay, type PeriodicTick, sqsd } from "../../../src/index.ts";
import { periodicTasks } from "../../../src/carriers/sqsd/periodic-tasks.ts";
import { daemonRequest, envelope, keys, signedAttributes, tickRequest } from "../../support/daemon-request.ts";
import { nowhere } from "../../support/plain-request.ts";

const PATH = "/tasks/nightly";
const HOUR_MS = 3_600_000;
/** The daemon's clock is read to the minute. */
const dueAt = (hoursAgo: number): string =>
  `${new Date((Math.floor(Date.now() / HOUR_MS) - hoursAgo) * HOUR_MS).toISOString().slice(0, 19)}Z`;
const DUE = dueAt(1);
const ISO = new Date(DUE).toISOString();
const HOURLY = "0 * * * *";

/** A receiver with one periodic task, and its runs, which wait for `until`. */
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
  const periodic = { "nightly-report": { path: PATH, job: report, schedule: HOURLY } };
  const open = createReceiver({
    jobs: [report],
    carriers: [sqsd({ keys, httpConnections: 10, periodic })],
    allowIps: ["127.0.0.1", "::1"],
    log: "off",
  });
  const receiver = (request: Request, peer = "127.0.0.1"): Promise<Response> => open(request, { peer });
  return { receiver, load: open.load, ran, periodic };
}

test("a periodic task runs its job, whose payload says which task and when it was due", async () => {
  const { receiver, ran } = nightly();
  const response = await receiver(tickRequest("nightly-report", PATH, DUE));
  expect(response.status).toBe(200);
  expect(ran[0]?.tick).toEqual({ task: "nightly-report", scheduledAt: ISO });
  expect(ran[0]?.job).toMatchObject({ type: "report.nightly", queue: "reports", attempt: 1 });
  expect(ran[0]?.job.envelope).toMatchObject({ created_at: ISO, meta: { payload_version: 3 } });
});

test("a tick that has ended is not run again, whatever its seconds say; another tick is another job", async () => {
  const { receiver, ran } = nightly();
  const again = [DUE, DUE.replace("Z", ".250+00:00"), DUE.replace("00Z", "07Z"), DUE];
  for (const at of [...again, dueAt(2)]) {
    expect((await receiver(tickRequest("nightly-report", PATH, at))).status).toBe(200);
  }
  expect(ran.map(({ tick }) => tick.scheduledAt)).toEqual([ISO, new Date(dueAt(2)).toISOString()]);
  expect(ran[0]?.job.id).not.toBe(ran[1]?.job.id);
});

test("a tick whose job is dead gets the same response again, so that the daemon does not delete it as done", async () => {
  const gaveUp = defineJob({
    type: "report.nightly",
    timeout: "1m",
    retry: { maxAttempts: 1 },
    handler: () => Promise.reject(new Error("no paper")),
  });
  const periodic = { nightly: { path: PATH, job: gaveUp, schedule: HOURLY } };
  const carriers = [sqsd({ keys, httpConnections: 10, periodic })];
  const receiver = createReceiver({ jobs: [gaveUp], carriers, allowIps: ["127.0.0.1"], log: "off" });
  for (let time = 0; time < 2; time += 1) {
    const response = await receiver(tickRequest("nightly", PATH, DUE), { peer: "127.0.0.1" });
    expect([response.status, response.headers.get("waybill-outcome")]).toEqual([422, "dead"]);
  }
});

test("of 4,000 forged ticks only those of the schedule run, each once", async () => {
  const { receiver, ran } = nightly();
  const startedAt = Date.now();
  const statuses = new Set<number>();
  for (let back = 0; back < 4_000; back += 1) {
    const at = new Date(startedAt - back * 301_000).toISOString();
    statuses.add((await receiver(tickRequest("nightly-report", PATH, at))).status);
  }
  expect(statuses).toEqual(new Set([200, 403]));
  expect(new Set(ran.map(({ tick }) => tick.scheduledAt)).size).toBe(ran.length);
  expect(ran.every(({ tick }) => tick.scheduledAt.endsWith(":00:00.000Z"))).toBe(true);
});

test.each<[string, string, Record<string, string>]>([
  ["from another machine", "10.0.0.7", {}],
  ["by way of the proxy on this one", "127.0.0.1", { "x-forwarded-for": "10.0.0.7" }],
  ["with an address forged before the proxy's own word", "127.0.0.1", { "x-forwarded-for": "127.0.0.1, 10.0.0.7" }],
  ["from a page in a browser", "127.0.0.1", { origin: "https://evil.example" }],
  ["from a page whose name was made to point here", "127.0.0.1", { host: "evil.example" }],
])("a tick %s is refused with 403, and nothing runs", async (_, peer, more) => {
  const { receiver, ran } = nightly();
  const request = tickRequest("nightly-report", PATH, DUE);
  const headers = new Headers([...request.headers, ...Object.entries(more)]);
  expect((await receiver(new Request(request, { headers }), peer)).status).toBe(403);
  expect(ran).toEqual([]);
  const local = new Headers([...request.headers, ["x-forwarded-for", "127.0.0.1, ::1"], ["host", "localhost"]]);
  expect((await receiver(new Request(tickRequest("nightly-report", PATH, DUE), { headers: local }))).status).toBe(200);
});

test("a tick that comes again while its job runs joins it", async () => {
  let end = (): void => {};
  const { receiver, load, ran } = nightly(new Promise((resolve) => (end = resolve)));
  const both = [1, 2].map(() => receiver(tickRequest("nightly-report", PATH, DUE)));
  await expect.poll(() => load().running).toBe(1);
  end();
  expect((await Promise.all(both)).map(({ status }) => status)).toEqual([200, 200]);
  expect(ran).toHaveLength(1);
});

test("a tick that is relayed twice is stored once", async () => {
  const { periodic } = nightly();
  const jobs = await connect("memory:", { log: "off" });
  const relay = createRelay({ to: jobs, carriers: [sqsd({ keys, periodic, periodicFrom: "anyone" })] });
  const stored = [];
  for (let time = 0; time < 2; time += 1) {
    stored.push((await relay(tickRequest("nightly-report", PATH, DUE))).status);
  }
  expect(stored).toEqual([200, 200]);
  expect(await jobs.inspector?.counts()).toMatchObject([{ ready: 1 }]);
  await jobs.close();
});

const daysAgo = (days: number): string => dueAt(days * 24);
test.each<[string, Request]>([
  ["of a task that is not in the list", tickRequest("hourly-report", PATH, DUE)],
  ["of a task named as a part of every object", tickRequest("constructor", PATH, DUE)],
  ["of a task that is at another path", tickRequest("nightly-report", "/work", DUE)],
  ["with a body", tickRequest("nightly-report", PATH, DUE, envelope("report.nightly"))],
  ["without a time", tickRequest("nightly-report", PATH, null)],
  ["at a time that is none", tickRequest("nightly-report", PATH, "yesterday")],
  ["at a time beyond the calendar", tickRequest("nightly-report", PATH, "2026-99-99T00:00:00Z")],
  ["older than a queue keeps anything", tickRequest("nightly-report", PATH, daysAgo(15))],
  ["of tomorrow", tickRequest("nightly-report", PATH, daysAgo(-1))],
  ["of a minute that its schedule has not", tickRequest("nightly-report", PATH, DUE.replace("00:00Z", "01:00Z"))],
])("a tick %s is refused with 403, and nothing runs", async (_, request) => {
  const { receiver, ran } = nightly();
  expect((await receiver(request)).status).toBe(403);
  expect(ran).toEqual([]);
});

test("a tick at an unknown path is answered 404, and nothing runs", async () => {
  const { receiver, ran } = nightly();
  expect((await receiver(tickRequest("nightly-report", "/tasks/other", DUE))).status).toBe(404);
  expect(ran).toEqual([]);
});

test("a signed job at the path of a task is a job like any other", async () => {
  const { receiver, ran } = nightly();
  const body = envelope("report.nightly", { task: "by hand", scheduledAt: ISO });
  expect((await receiver(daemonRequest({ body, attributes: signedAttributes(body), path: PATH }))).status).toBe(200);
  expect(ran).toHaveLength(1);
});

test("invalid options are refused when the program starts", () => {
  const job = defineJob({ type: "report.nightly", handler: () => {} });
  const withPath = (path: string) => () => sqsd({ keys, periodic: { nightly: { path, job, schedule: HOURLY } } });
  expect(withPath("tasks")).toThrow(/path of periodic task "nightly" is "tasks": begin it with a slash/);
  expect(withPath("/tasks?name=nightly")).toThrow(/leave out \?/);
  const payload = z.object({ orderId: z.string() });
  const strict = defineJob({ type: "receipt.send", payload, handler: () => {} });
  expect(() => sqsd({ keys, periodic: { nightly: { path: "/tasks", job: strict, schedule: HOURLY } } })).toThrow(
    /"nightly" runs "receipt.send", whose payload is not \{ task, scheduledAt \}: .*a job of its own/,
  );
  const carriers = [withPath("/tasks")()];
  expect(() => createReceiver({ jobs: [], carriers, log: "off" })).toThrow(
    'sqsd creates jobs of type "report.nightly", which has no definition in `jobs`: add it',
  );
  expect(() => createReceiver({ jobs: [job], carriers, log: "off" })).toThrow(/allowIps.*periodicFrom: "anyone"/);
  expect(() => createRelay({ to: nowhere(), carriers })).toThrow(/allowIps.*periodicFrom: "anyone"/);
});

test.each([undefined, "", "nightly", "@daily", "0 0 * *", "0 0 0 * * *", "61 * * * *", "* * * * MOO", 5])(
  "a schedule that is none is refused when the program starts: %j",
  (schedule) => {
    const job = defineJob({ type: "report.nightly", handler: () => {} });
    const task = { path: PATH, job, schedule: schedule as string };
    expect(() => sqsd({ keys, periodic: { nightly: task } })).toThrow(/schedule of periodic task "nightly" is/);
  },
);

test.each([
  ["0 2 * * *", "2026-11-25T02:00:00Z", "2026-11-25T02:01:00Z"],
  ["*/15 8-17 * * MON-FRI", "2026-11-25T08:45:00Z", "2026-11-28T08:45:00Z"],
  // Where both are given, either is enough: as cron has it.
  ["0 9 1 * MON", "2026-11-30T09:00:00Z", "2026-12-02T09:00:00Z"],
  ["0 9 1 * 1", "2026-12-01T09:00:00Z", "2026-12-02T09:00:00Z"],
  ["30 23 28 2 *", "2026-02-28T23:30:00Z", "2026-02-27T23:30:00Z"],
])("the schedule %s has %s and not %s", (schedule, at, not) => {
  const job = defineJob({ type: "report.nightly", handler: () => {} });
  const fits = periodicTasks({ nightly: { path: PATH, job, schedule } }).get("nightly")?.isDueAt;
  expect([fits?.(new Date(at)), fits?.(new Date(not))]).toEqual([true, false]);
});
