import { connect, DeadLetter, defineJob, type Jobs } from "@waybill/core";
import { memoryBackend } from "@waybill/core/memory";
import { type AuditLine, basicAuth, createDashboard, type Dashboard, type DashboardOptions } from "@waybill/dashboard";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { HistoryView } from "../src/live/history.ts";

const WAIT = { timeout: 20_000, interval: 50 };

interface JobsPage {
  readonly jobs: readonly unknown[];
  readonly asOf?: number | null;
}

let jobs: Jobs;
let lines: AuditLine[];
beforeEach(async () => {
  jobs = await connect(memoryBackend(), { log: "off" });
  lines = [];
});
afterEach(() => jobs.close());

const dashboard = (options: Partial<DashboardOptions> = {}): Dashboard =>
  createDashboard({ connections: { main: jobs }, auth: "loopback", audit: (line) => lines.push(line), ...options });

interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly at?: string;
}

function ask(
  handler: Dashboard,
  path: string,
  { method, headers, body, at = "http://localhost:4000" }: Asked = {},
): Promise<Response> {
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  const json = body === undefined ? {} : { "content-type": "application/json" };
  return handler(
    new Request(`${at}/${path}`, {
      method: method ?? (body === undefined ? "GET" : "POST"),
      headers: { ...json, ...headers },
      ...sent,
    }),
  );
}

async function tokenOf(handler: Dashboard, asked: Asked = {}): Promise<string> {
  const session = (await (await ask(handler, "api/session", asked)).json()) as { readonly token: string };
  return session.token;
}

async function write(
  handler: Dashboard,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  return ask(handler, `api/main/${path}`, { body, headers: { "x-waybill-token": await tokenOf(handler), ...headers } });
}

describe("options", () => {
  test.each([
    ["no auth", { auth: undefined }, /"auth" in the options of createDashboard is undefined/],
    ["an auth that is true", { auth: true }, /"auth"/],
    ["no connection", { connections: {} }, /"connections"/],
    ["a connection that is none", { connections: { main: {} } }, /"connections"/],
    ["a name with a slash", { connections: { "a/b": {} } }, /"connections"/],
    ["a redact that is undefined", { redact: undefined }, /"redact"/],
    ["hosts that are undefined", { hosts: undefined }, /"hosts"/],
    ["a secret that is undefined", { secret: undefined }, /"secret"/],
    ["a short secret", { secret: "abc" }, /"secret"/],
    ["a path without its slash", { path: "jobs" }, /"path"/],
    ["an option that does not exist", { readonly: true }, /did you mean "readOnly"/],
  ])("%s is refused", (_, options, message) => {
    expect(() => dashboard(options as never)).toThrow(
      expect.objectContaining({ code: "CONFIG_INVALID", message: expect.stringMatching(message) }),
    );
  });

  test("a basic auth without a password, as from an unset variable, is refused", () => {
    expect(() => basicAuth({ user: "ops", password: undefined as never })).toThrow(/12 characters/);
  });
});

describe("without auth", () => {
  test.each([
    "http://jobs.example.com",
    "http://192.168.1.4:4000",
    "http://localhost.example.com",
    "http://10.0.0.1",
    "http://0.0.0.0:4000",
  ])("a request for %s is refused", async (at) => {
    const response = await ask(dashboard(), "api/session", { at });
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ error: { code: "NOT_LOOPBACK" } });
  });
  test.each(["http://localhost:4000", "http://127.0.0.1:4000", "http://[::1]:4000", "http://127.1.2.3"])(
    "a request for %s is served",
    async (at) => {
      expect((await ask(dashboard(), "api/session", { at })).status).toBe(200);
    },
  );
  test("a request for a foreign Host header at a loopback address is refused, as DNS rebinding sends it", async () => {
    const response = await ask(dashboard(), "api/session", { headers: { host: "evil.example" } });
    expect(response.status).toBe(403);
  });
  test.each(["x-forwarded-for", "forwarded", "via"])(
    "a request that came by a proxy, with %s, is refused",
    async (name) => {
      expect((await ask(dashboard(), "api/session", { headers: { [name]: "10.1.1.1" } })).status).toBe(403);
    },
  );
});

describe("with auth", () => {
  const auth = basicAuth({ user: "ops", password: "a long password" });
  const authorization = `Basic ${Buffer.from("ops:a long password").toString("base64")}`;
  const at = "https://jobs.example.com";

  test("nobody gets the page, a file or data without it", async () => {
    for (const path of ["", "api/session", "api/main/overview", "api/main/live"]) {
      const response = await ask(dashboard({ auth }), path, { at });
      expect([response.status, response.headers.get("www-authenticate")]).toEqual([
        401,
        expect.stringContaining("Basic"),
      ]);
      expect(response.headers.get("content-security-policy")).toContain("default-src 'none'");
    }
    const wrong = `Basic ${Buffer.from("ops:wrong").toString("base64")}`;
    expect((await ask(dashboard({ auth }), "", { at, headers: { authorization: wrong } })).status).toBe(401);
    expect((await ask(dashboard({ auth }), "api/session", { at, headers: { authorization } })).status).toBe(200);
  });
  test("an auth that returns null, nothing or throws lets nobody in", async () => {
    expect((await ask(dashboard({ auth: () => null }), "", { at })).status).toBe(401);
    expect((await ask(dashboard({ auth: (() => undefined) as never }), "", { at })).status).toBe(401);
    expect((await ask(dashboard({ auth: () => Promise.reject(new Error("down")) }), "", { at })).status).toBe(500);
  });
  test("another host than the hosts given is refused", async () => {
    const handler = dashboard({ auth, hosts: ["jobs.example.com"] });
    expect((await ask(handler, "", { at: "https://other.example.com", headers: { authorization } })).status).toBe(421);
    expect((await ask(handler, "api/session", { at, headers: { authorization } })).status).toBe(200);
  });
  test("a user who may only look has no route that changes anything", async () => {
    const handler = dashboard({ auth: () => ({ user: "guest", readOnly: true }) });
    expect((await write(handler, "pause", { queue: "mailers" })).status).toBe(404);
  });
});

describe("a change", () => {
  test("is made with the page's own token, and leaves an audit line", async () => {
    const response = await write(dashboard(), "pause", { queue: "mailers" });
    expect(response.status).toBe(200);
    expect(await jobs.pauses()).toMatchObject([{ queue: "mailers" }]);
    const [line] = lines;
    expect(line).toMatchObject({
      user: "loopback",
      connection: "main",
      action: "pause",
      target: { queue: "mailers" },
      error: null,
    });
    expect(new Date(line?.at ?? "").getTime()).toBeGreaterThan(Date.now() - 60_000);
  });
  test.each([
    ["no token", { "x-waybill-token": "" }],
    ["another user's token", { "x-waybill-token": "x".repeat(43) }],
    ["a foreign Origin", { origin: "https://evil.example" }],
    ["an opaque Origin", { origin: "null" }],
    ["another port of this machine", { origin: "http://localhost:5000" }],
    ["a cross-site fetch", { "sec-fetch-site": "cross-site" }],
    ["a same-site fetch", { "sec-fetch-site": "same-site" }],
    ["the body of a form", { "content-type": "text/plain" }],
  ])("with %s is refused, and nothing changes", async (_, headers) => {
    const response = await write(dashboard(), "pause", { queue: "mailers" }, headers);
    expect(response.status).toBe(403);
    expect(await jobs.pauses()).toEqual([]);
  });
  test("cannot be made by GET", async () => {
    expect((await ask(dashboard(), "api/main/pause?queue=mailers")).status).toBe(404);
  });
  test("does not exist in read-only mode", async () => {
    const handler = dashboard({ readOnly: true });
    for (const path of [
      "pause",
      "resume",
      "jobs/cancel",
      "jobs/copy",
      "dead/drop",
      "dead/replay",
      "schedules/remove",
      "flows/cancel",
    ]) {
      expect((await write(handler, path, { queue: "mailers", ids: ["a"] })).status, path).toBe(404);
    }
    expect(lines).toEqual([]);
  });
  test("that fails leaves an audit line with its code", async () => {
    const response = await write(dashboard(), "schedules/pause", { name: "none" });
    expect(response.status).toBe(400);
    expect(lines).toMatchObject([{ action: "schedules/pause", result: null, error: "CONFIG_INVALID" }]);
  });
  test.each([
    ["no list of ids", "jobs/cancel", { ids: "a" }],
    ["an empty list", "dead/drop", { ids: [] }],
    ["too many ids", "dead/drop", { ids: Array.from({ length: 1_001 }, String) }],
    ["a list as its body", "pause", []],
    ["no queue", "pause", {}],
    ["a time that is none", "jobs/reschedule", { ids: ["a"], at: "soon" }],
  ])("with %s is refused", async (_, path, body) => {
    expect((await write(dashboard(), path, body)).status).toBe(400);
  });
  test("of more than 1 MiB is refused", async () => {
    expect((await write(dashboard(), "pause", { queue: "x".repeat(1_100_000) })).status).toBe(413);
  });
});

describe("responses", () => {
  test("allow own files alone, in no frame, and no other origin to read them", async () => {
    for (const path of ["", "api/session", "api/main/jobs", "nothing"]) {
      const { headers } = await ask(dashboard(), path, { headers: { origin: "https://evil.example" } });
      const policy = headers.get("content-security-policy") ?? "";
      expect(policy).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self'/);
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toContain("unsafe");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("access-control-allow-origin")).toBeNull();
    }
  });
  test("are 404 for what is no route, and for names of every object", async () => {
    for (const path of [
      "api/none/overview",
      "api/main/none",
      "constructor",
      "__proto__",
      "api/main/constructor",
      "..%2fpackage.json",
    ]) {
      expect((await ask(dashboard(), path)).status, path).toBe(404);
    }
  });
  test("are below the path of the mount alone", async () => {
    const handler = dashboard({ path: "/admin/jobs/" });
    expect((await ask(handler, "api/session")).status).toBe(404);
    expect((await ask(handler, "admin/jobs/api/session")).status).toBe(200);
  });
  test("end their streams once the signal aborts, later ones at once", async () => {
    const ending = new AbortController();
    const handler = dashboard({ signal: ending.signal });
    const open = (await ask(handler, "api/main/live")).text();
    ending.abort();
    expect(await open).toContain("retry: 2000");
    expect(await (await ask(handler, "api/main/live")).text()).toContain("retry: 2000");
  });
  test("serve the page with and without a slash at its end, as frameworks redirect to either", async () => {
    const handler = dashboard({ path: "/admin/jobs/" });
    const folders = async (path: string) =>
      (await (await ask(handler, path)).text()).match(/(?<=(src|href)=")[^"]*\//g);
    expect(await folders("admin/jobs")).toEqual(Array(3).fill("/admin/jobs/"));
    expect(await folders("admin/jobs/")).toEqual(Array(3).fill("./"));
  });
});

describe("jobs that have ended", () => {
  test("are listed from their records, with how old those are", async () => {
    const recording = await connect(memoryBackend(), { log: "off", records: "1h" });
    const job = defineJob({ type: "mail.send", queue: "mailers", handler: () => undefined });
    const worker = recording.worker({ jobs: [job], queues: ["mailers"] });
    await worker.start();
    const { id } = await recording.enqueue(job, { to: "ada" });
    await expect.poll(async () => (await recording.records.get(id))?.state, WAIT).toBe("completed");
    const handler = dashboard({ connections: { main: recording } });
    const page = (await (await ask(handler, "api/main/jobs?state=completed&queue=mailers")).json()) as JobsPage;
    expect(page.jobs).toMatchObject([{ id, state: "completed", attempt: 1, preview: '{"to":"ada"}' }]);
    expect(Math.abs(Date.now() - (page.asOf ?? 0))).toBeLessThan(60_000);
    expect(await (await ask(handler, "api/main/jobs?state=cancelled")).json()).toMatchObject({ jobs: [], next: null });
    const detail = (await (await ask(handler, `api/main/job?id=${id}`)).json()) as { readonly record: unknown };
    expect(detail.record).toMatchObject({ state: "completed", payload: '{"to":"ada"}' });
    await worker.stop();
    await recording.close();
  });
  test("are refused with what to do where nothing is recorded", async () => {
    const bare = await connect(memoryBackend({ capabilities: {} }), { log: "off" });
    const response = await ask(dashboard({ connections: { main: bare } }), "api/main/jobs?state=nonsense");
    expect([response.status, await response.json()]).toMatchObject([400, { error: { code: "CONFIG_INVALID" } }]);
    await bare.close();
  });
  test("an id of which nothing is known gets what can be known, not an error", async () => {
    const detail = (await (await ask(dashboard(), "api/main/job?id=none")).json()) as { readonly why: unknown };
    expect(detail).toMatchObject({ job: null, record: null, why: { code: "NEVER_SEEN" } });
  });
});

describe("dead letters", () => {
  test("that died before a time are listed apart, so that a replay of many pages ends", async () => {
    const job = defineJob({
      type: "mail.send",
      queue: "mailers",
      handler() {
        throw new DeadLetter("no");
      },
    });
    const worker = jobs.worker({ jobs: [job], queues: ["mailers"] });
    await worker.start();
    await jobs.enqueue(job, {});
    await expect.poll(async () => (await jobs.inspector?.deadLetters())?.length, WAIT).toBe(1);
    await worker.stop();
    const dead = async (query: string): Promise<number> =>
      ((await (await ask(dashboard(), `api/main/dead?${query}`)).json()) as { readonly seen: number }).seen;
    expect([await dead(""), await dead(`before=${Date.now() + 1}`), await dead("before=1")]).toEqual([1, 1, 0]);
  });
});

describe("the limits in use", () => {
  test("are read, and have no route that changes them", async () => {
    const response = await ask(dashboard(), "api/main/limits");
    expect([response.status, await response.json()]).toEqual([200, { limits: [], isCut: false }]);
    expect((await write(dashboard(), "limits", {})).status).toBe(404);
    expect((await write(dashboard(), "history", {})).status).toBe(404);
  });
});

describe("the charts", () => {
  test("begin with the first dashboard, and cover the workers of every process that shares the ledger", async () => {
    const store = memoryBackend();
    const [own, other] = [await connect(store, { log: "off" }), await connect(store, { log: "off" })];
    const handler = dashboard({ connections: { main: own } });
    await own.history();
    const job = defineJob({ type: "mail.send", queue: "mailers", handler: () => undefined });
    const worker = other.worker({ jobs: [job], queues: ["mailers"] });
    await other.history();
    await worker.start();
    const done = new Promise((resolve) => other.events.on("settled", resolve));
    await other.enqueue(job, {});
    await done;
    await other.close();
    const response = await ask(handler, "api/main/history?span=day");
    const { kept, stepMs, points, recent } = (await response.json()) as HistoryView;
    expect([response.status, kept, stepMs]).toEqual([200, "ledger", 600_000]);
    expect(points.reduce((sum, { completed }) => sum + completed, 0)).toBe(1);
    expect(recent).toMatchObject({ rate: 0 });
    await own.close();
  });
});

describe("redact", () => {
  const redact = ["card.number", "items.secret"];
  const payload = { card: { number: "4242", name: "A" }, items: [{ secret: "s", n: 1 }] };

  test("leaves members out of lists and details, and is kept by a copy", async () => {
    const { id } = await jobs.enqueue("order.charge", payload, { queue: "payments" });
    const handler = dashboard({ redact });
    for (const path of ["api/main/jobs", `api/main/job?id=${id}`]) {
      const text = await (await ask(handler, path)).text();
      expect(text).not.toMatch(/4242|"s"/);
      expect(text).toContain("[redacted]");
    }
    const edited = { card: { number: "[redacted]", name: "B" }, items: [{ secret: "[redacted]", n: 2 }] };
    const response = await write(handler, "jobs/copy", { id, payload: JSON.stringify(edited) });
    const copy = await jobs.find(((await response.json()) as { readonly id: string }).id);
    expect(JSON.parse(copy?.body ?? "")).toMatchObject({
      type: "order.charge",
      queue: "payments",
      args: [{ card: { number: "4242", name: "B" }, items: [{ secret: "s", n: 2 }] }],
    });
    expect(JSON.stringify(lines)).not.toMatch(/4242|"B"/);
  });
  test("leaves what those members hold out of messages, stacks, logs and the reasons of why as well", async () => {
    const job = defineJob({
      type: "order.charge",
      queue: "payments",
      handler(order, context) {
        const { number } = (order as typeof payload).card;
        context.log(`charging ${number}`);
        throw new DeadLetter(`card ${number} declined`);
      },
    });
    const secret = { ...payload, card: { number: "4242-secret", name: "A" } };
    const recording = await connect(memoryBackend(), { log: "off", records: "1h" });
    const worker = recording.worker({ jobs: [job], queues: ["payments"] });
    await worker.start();
    const { id } = await recording.enqueue(job, secret);
    await expect.poll(async () => (await recording.records.get(id))?.state, WAIT).toBe("dead");
    await worker.stop();
    const handler = dashboard({ connections: { main: recording }, redact });
    for (const path of ["jobs?state=dead", `job?id=${id}`, "dead", `dead/one?id=${id}`]) {
      const text = await (await ask(handler, `api/main/${path}`)).text();
      expect(text, path).not.toContain("4242");
      expect(text, path).toContain("[redacted]");
    }
    await recording.inspector?.drop();
    const ended = await (await ask(handler, `api/main/job?id=${id}`)).text();
    expect(ended).not.toContain("4242");
    expect(ended).toContain("declined");
    await recording.close();
  });
  test("refuses to search payloads, which would tell what they hold", async () => {
    expect((await ask(dashboard({ redact }), "api/main/jobs?text=4242")).status).toBe(400);
  });
});
