import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type ConnectOptions, DeadLetter, defineJob, defineSchedule, type Jobs } from "@waybill/core";
import { createDashboard, type Dashboard } from "@waybill/dashboard";
import { serviceUrl } from "@waybill/test-servers";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";

const own = `dashboard-${process.pid}`;
const WAIT = { timeout: 60_000, interval: 100 };
const withParameter = (url: string, text: string): string => `${url}${url.includes("?") ? "&" : "?"}${text}`;
const folder = mkdtempSync(join(tmpdir(), "waybill-dashboard-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string): string => `sqlite:${join(folder, name)}`;

const urls: Readonly<Record<string, () => Promise<string>>> = {
  sqlite: async () => file("jobs.db"),
  postgres: async () => withParameter(await serviceUrl("postgres"), `schema=${own.replaceAll("-", "_")}`),
  bullmq: async () => withParameter(await serviceUrl("redis"), `prefix=${own}`),
  rabbitmq: async () => withParameter(await serviceUrl("rabbitmq"), `prefix=${own}`),
  sqs: async () => (await serviceUrl("sqs")).replace(/^(sqs:\/\/[^/?]+)\/?/, `$1/${own}`),
};
/** These look into no queue and borrow their ledger. */
const borrows = (name: string): boolean => name === "rabbitmq" || name === "sqs";

/** What a response may hold. */
interface Value {
  readonly token: string;
  readonly queues: readonly unknown[];
  readonly groups: readonly { readonly ids: readonly string[] }[];
  readonly jobs: readonly unknown[];
  readonly job: unknown;
  readonly id: string;
  readonly error: { readonly code: string };
  readonly kept: string;
  readonly points: readonly { readonly dead: number }[];
  readonly asOf: number;
}

interface Answer {
  readonly status: number;
  readonly value: Value;
}

interface Client {
  get(path: string): Promise<Answer>;
  post(path: string, body: unknown): Promise<Answer>;
}

async function clientOf(dashboard: Dashboard): Promise<Client> {
  const send = async (path: string, init?: RequestInit): Promise<Answer> => {
    const response = await dashboard(new Request(`http://localhost/api/${path}`, init));
    return { status: response.status, value: (await response.json()) as Value };
  };
  const { value } = await send("session");
  const headers = { "content-type": "application/json", "x-waybill-token": value.token };
  return {
    get: (path) => send(`main/${path}`),
    post: (path, body) => send(`main/${path}`, { method: "POST", headers, body: JSON.stringify(body) }),
  };
}

async function open(
  name: string,
  options: ConnectOptions = {},
): Promise<{ readonly jobs: Jobs; readonly client: Client }> {
  const url = await (urls[name] as () => Promise<string>)();
  const ledger = borrows(name) && { ledger: file(`${name}-ledger.db`) };
  const jobs = await connect(url, { log: "off", ...ledger, ...options });
  onTestFinished(() => jobs.close());
  return {
    jobs,
    client: await clientOf(createDashboard({ connections: { main: jobs }, auth: "loopback", audit: () => undefined })),
  };
}

const declines = defineJob({
  type: "order.charge",
  queue: "payments",
  handler(order) {
    throw new DeadLetter(`declined: ${JSON.stringify(order)}`);
  },
});

async function steersDeadLetters(jobs: Jobs, { get, post }: Client): Promise<void> {
  const worker = jobs.worker({ jobs: [declines], queues: ["payments"] });
  let died = 0;
  jobs.events.on("settled", ({ outcome }) => void (outcome === "dead" && (died += 1)));
  await worker.start();
  await jobs.enqueue(declines, { order: 1 });
  await jobs.enqueue(declines, { order: 2 });
  await expect.poll(() => died, WAIT).toBe(2);
  await expect
    .poll(async () => (await get("dead")).value.groups, WAIT)
    .toMatchObject([{ code: "DEAD_LETTERED", type: "order.charge", count: 2 }]);
  expect((await get("workers")).value).toMatchObject([{ queues: ["payments"] }]);
  await worker.stop();
  const ids = (await get("dead")).value.groups[0]?.ids ?? [];
  expect((await post("dead/replay", { ids: [ids[0]] })).value).toEqual({ replayed: 1 });
  expect((await post("dead/drop", { ids: [ids[1]] })).value).toEqual({ dropped: 1 });
  expect(await jobs.inspector?.deadLetters()).toEqual([]);
}

/** What a broker cannot list is listed from records, with how old they are. */
async function listsRecords(name: string): Promise<void> {
  const { jobs, client } = await open(name, { records: "1h" });
  const { id } = await jobs.enqueue("report.build", { kind: "daily" }, { queue: "reports" });
  const listed = async (): Promise<Value> => (await client.get("jobs?queue=reports")).value;
  await expect.poll(async () => (await listed()).jobs, WAIT).toMatchObject([{ id, preview: '{"kind":"daily"}' }]);
  expect(Math.abs(Date.now() - (await listed()).asOf)).toBeLessThan(60_000);
  expect((await client.get(`job?id=${id}`)).value.job).toMatchObject({ id, state: "ready" });
}

describe.each(Object.keys(urls))("each action by HTTP, on %s", (name) => {
  test("has its effect in the store, or is refused with what to do", async () => {
    const { jobs, client } = await open(name);
    const { get, post } = client;

    await jobs.enqueue("mail.send", {}, { queue: "mailers" });
    await expect
      .poll(async () => (await get("overview")).value.queues, WAIT)
      .toContainEqual(expect.objectContaining({ queue: "mailers", ready: 1 }));
    expect((await post("pause", { queue: "mailers" })).value).toEqual({ done: true });
    expect(await jobs.pauses()).toMatchObject([{ queue: "mailers" }]);
    expect((await post("resume", { queue: "mailers" })).status).toBe(200);
    expect(await jobs.pauses()).toEqual([]);

    await jobs.schedules.put(defineSchedule({ name: "nightly", job: "report.build", payload: {}, every: "1d" }));
    expect((await post("schedules/pause", { name: "nightly" })).status).toBe(200);
    expect((await get("schedules")).value).toMatchObject([{ name: "nightly", paused: true }]);
    expect((await post("schedules/resume", { name: "nightly" })).status).toBe(200);
    expect((await post("schedules/run-now", { name: "nightly" })).value).toMatchObject({ stored: true });
    expect((await post("schedules/remove", { name: "nightly" })).value).toEqual({ removed: true });
    expect(await jobs.schedules.list()).toEqual([]);

    // As another process would: the workers of this one are asked by their connection.
    expect((await get("history")).value.kept).toBe("ledger");
    await steersDeadLetters(jobs, client);
    const deaths = async (): Promise<number> =>
      (await get("history")).value.points.reduce((sum, { dead }) => sum + dead, 0);
    await expect.poll(deaths, WAIT).toBe(2);
    expect((await get("limits")).value).toEqual({ limits: [], isCut: false });
    expect((await get("job?id=none")).value).toMatchObject({
      job: null,
      why: { code: borrows(name) ? "NOT_VISIBLE" : "NEVER_SEEN" },
    });

    const { id } = await jobs.enqueue("mail.send", { to: "ada" }, { queue: "mailers", delay: "5m" });
    const cancelled = await post("jobs/cancel", { ids: [id] });
    if (borrows(name)) {
      expect(cancelled.value).toMatchObject({ recorded: 1 });
      const refused = await get("jobs");
      expect([refused.status, refused.value.error.code]).toEqual([422, "CAPABILITY_MISSING"]);
      expect((await post("jobs/run-now", { ids: [id] })).status).toBe(422);
      await listsRecords(name);
      return;
    }
    expect(cancelled.value).toMatchObject({ cancelled: 1 });
    expect(await jobs.find(id)).toBeNull();
    const later = await jobs.enqueue("mail.send", { to: "grace" }, { queue: "mailers", delay: "5m" });
    const at = new Date(Date.now() + 3_600_000).toISOString();
    expect((await post("jobs/reschedule", { ids: [later.id], at })).value).toMatchObject({ rescheduled: 1 });
    expect(Math.abs(((await jobs.find(later.id))?.dueAt ?? 0) - Date.parse(at))).toBeLessThan(60_000);
    expect((await post("jobs/run-now", { ids: [later.id] })).value).toMatchObject({ rescheduled: 1 });
    expect((await get(`job?id=${later.id}`)).value.job).toMatchObject({ state: "ready", canCopy: true });
    const copy = await post("jobs/copy", { id: later.id, payload: '{"to":"joan"}', queue: "mailers" });
    expect((await get("jobs?text=joan")).value.jobs).toMatchObject([
      { id: copy.value.id, type: "mail.send", queue: "mailers" },
    ]);
  });
});
