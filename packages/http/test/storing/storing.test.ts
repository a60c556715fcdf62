import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, defineJob, type Jobs, newId, type WaybillErrorCode, WaybillError } from "@waybill/core";
import { signedWrapper } from "@waybill/core/endpoint";
import type { BackendFactory, LedgerBackend } from "@waybill/core/backend";
import { memoryBackend } from "@waybill/core/memory";
import { ignoredReport } from "@waybill/test-servers/fixtures";
import { describe, expect, onTestFinished, test } from "vitest";
import { createIngress, createRelay, native } from "../../src/index.ts";
import { envelope, idIn } from "../support/daemon-request.ts";
import { keys, now, post, secret, serving, signed } from "../support/signed-requests.ts";
import { nowhere } from "../support/plain-request.ts";

/** A connection to a fresh SQLite file, gone after the test. */
async function sqlite(): Promise<{ jobs: Jobs; url: string }> {
  const folder = mkdtempSync(join(tmpdir(), "waybill-ingress-"));
  const url = `sqlite:${join(folder, "jobs.db")}`;
  const jobs = await connect(url, { log: "off" });
  onTestFinished(async () => {
    await jobs.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return { jobs, url };
}

/** What a worker leases: the bodies and their signatures, by a connection of its own. */
async function waiting(url: string): Promise<{ body: string; signature: unknown }[]> {
  const { fromUrl } = await import("@waybill/sqlite");
  const backend = await fromUrl(url)({
    admit: () => ({ ok: false, reason: { code: "X", message: "" } }),
    report: ignoredReport,
  });
  const { signal } = new AbortController();
  const leases = await backend.lease({ queue: "default", limit: 200, leaseMs: 60_000, waitMs: 0, signal });
  await backend.close();
  return leases.map(({ body, signature }) => ({ body, signature }));
}

/** A connection whose backend fails. */
function failing(jobs: Jobs, code: WaybillErrorCode): Jobs {
  const failure = new WaybillError(code, "redis://10.1.2.3:6379 says no");
  return { ...jobs, enqueueBody: () => Promise.reject(failure) };
}

const ndjson = (id = "batch_1") => ({
  headers: (body: string) => ({ ...signed(body, { id, asJob: true }), "content-type": "application/x-ndjson" }),
});

describe("an ingress", () => {
  test("stores an envelope byte for byte, with its producer's signature, and responds once it is on disk", async () => {
    const { jobs, url } = await sqlite();
    const origin = await serving(createIngress({ to: jobs, keys }));
    const body = ` ${envelope("mail.send", { to: "ö \u2028" })}\n`;
    const headers = signed(body, { asJob: true });
    const response = await post(`${origin}/jobs`, body, { headers });
    expect(response).toMatchObject({ status: 200, json: { id: idIn(body), stored: true } });
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "waybill-outcome": "completed",
      "x-waybill-job": idIn(body),
    });
    expect(await waiting(url)).toEqual([
      { body, signature: { timestamp: Number(headers["webhook-timestamp"]), value: headers["webhook-signature"] } },
    ]);
  });

  test("stores the same envelope once, and refuses another under its id", async () => {
    const { jobs, url } = await sqlite();
    const origin = await serving(createIngress({ to: jobs, keys }));
    const body = envelope("mail.send");
    const send = (of: string, timestamp: number) =>
      post(`${origin}/jobs`, of, { headers: signed(of, { timestamp, asJob: true }) });
    expect((await send(body, now() - 5)).json).toEqual({ id: idIn(body), stored: true });
    expect((await send(body, now())).json).toEqual({ id: idIn(body), stored: false });
    const other = await send(body.replace("{}", '{"n":"2"}'), now() - 9);
    expect(other).toMatchObject({ status: 409, json: { code: "ID_CONFLICT" } });
    expect(other.headers.get("waybill-outcome")).toBe("dead");
    expect(await waiting(url)).toHaveLength(1);
  });

  test("refuses a body that is no envelope, and says what is wrong with it if the request is signed", async () => {
    const { jobs } = await sqlite();
    const refused: string[] = [];
    jobs.events.on("push_refused", ({ code }) => refused.push(code));
    const origin = await serving(createIngress({ to: jobs, keys }));
    const body = envelope("mail.send").replace("waybill/1", "waybill/2");
    const response = await post(`${origin}/jobs`, body, { headers: signed(body, { asJob: true }) });
    expect(response).toMatchObject({ status: 400, json: { code: "SPEC_UNSUPPORTED", detail: expect.any(String) } });
    const mail = envelope("mail.send");
    expect((await post(`${origin}/jobs`, mail)).status).toBe(403);
    const asAnother = signed(mail, { id: newId(), asJob: true });
    expect((await post(`${origin}/jobs`, mail, { headers: asAnother })).json).toMatchObject({
      code: "CARRIER_INVALID",
    });
    expect(refused).toEqual(["SPEC_UNSUPPORTED", "FORBIDDEN", "CARRIER_INVALID"]);
  });

  test("stores a request that is sent again after a failure; one that was stored before is not stored again", async () => {
    const { jobs } = await sqlite();
    let isAway = true;
    const to: Jobs = {
      ...jobs,
      enqueueBody: (...of) => (isAway ? failing(jobs, "BACKEND_FULL") : jobs).enqueueBody(...of),
    };
    const origin = await serving(createIngress({ to, keys }));
    const body = envelope("mail.send");
    const headers = signed(body, { asJob: true });
    const responses = [await post(`${origin}/jobs`, body, { headers })];
    isAway = false;
    for (let n = 0; n < 2; n++) responses.push(await post(`${origin}/jobs`, body, { headers }));
    expect(responses.map(({ status, json }) => [status, json["stored"]])).toEqual([
      [503, undefined],
      [200, true],
      [200, false],
    ]);
  });

  test.each<[WaybillErrorCode, string]>([
    ["BACKEND_UNAVAILABLE", "5"],
    ["BACKEND_FULL", "5"],
    ["BACKEND_CLOSED", "1"],
  ])("responds with 503 to %s, and only the log says where the backend is", async (code, retryAfter) => {
    const { jobs } = await sqlite();
    const messages: string[] = [];
    jobs.events.on("push_refused", ({ message }) => messages.push(message));
    const origin = await serving(createIngress({ to: failing(jobs, code), keys: secret }));
    const body = envelope("mail.send");
    const response = await post(`${origin}/jobs`, body, { headers: signed(body, { asJob: true }) });
    expect(response).toMatchObject({ status: 503, json: { code } });
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "retry-after": retryAfter,
      "waybill-outcome": "release",
    });
    expect(response.headers.get("waybill-reason")).toBeNull();
    const lines = `${envelope("mail.send")}\n${envelope("mail.send")}\n`;
    const batch = await post(`${origin}/jobs/batch`, lines, { headers: ndjson().headers(lines) });
    expect(batch).toMatchObject({ status: 503, json: { code } });
    expect(response.text + batch.text).not.toContain("10.1.2.3");
    expect(messages).toEqual([expect.stringContaining("10.1.2.3"), expect.stringContaining("10.1.2.3")]);
  });
});

describe("a batch", () => {
  test("gets a result for each line, stored byte for byte or refused by itself", async () => {
    const { jobs, url } = await sqlite();
    const origin = await serving(createIngress({ to: jobs, keys, path: "/in" }));
    const [first, spaced, twin] = [envelope("mail.send"), `\t${envelope("mail.send", { n: "\u2028" })} \r`, ""];
    const lines = [first, spaced, first, "{}", first.replace("{}", '{"n":"1"}'), "not json"];
    const body = `${lines.join("\n")}\n${twin}`;
    const response = await post(`${origin}/in/batch`, body, { headers: ndjson().headers(body) });
    expect(response.status).toBe(200);
    const { results } = response.json as { results: { id?: string; code?: string }[] };
    const shown = results.map(({ id, code }) => id ?? code);
    expect(shown.slice(0, 2)).toEqual([idIn(first), idIn(spaced)]);
    expect(shown.slice(3)).toEqual(["FIELD_MISSING", "ID_CONFLICT", "JSON_SYNTAX"]);
    expect([results[0], results[2]]).toContainEqual({ id: idIn(first), stored: true });
    expect([results[0], results[2]]).toContainEqual({ id: idIn(first), stored: false });
    expect((await waiting(url)).toSorted((a, b) => a.body.length - b.body.length)).toEqual([
      { body: first, signature: null },
      { body: spaced, signature: null },
    ]);
  });

  const line = (): string => envelope("mail.send");
  const many = (count: number): string => Array.from({ length: count }, line).join("\n");
  test.each<[string, string, number, string]>([
    ["without a line", "", 400, "BATCH_INVALID"],
    ["with an empty line", `${line()}\n\n${line()}`, 400, "BATCH_INVALID"],
    ["of 101 lines", many(101), 413, "BATCH_INVALID"],
    ["over the limit of bytes", `${line()}\n${"x".repeat(40_000)}`, 413, "BODY_TOO_LARGE"],
  ])("%s is refused whole", async (_, body, status, code) => {
    const { jobs, url } = await sqlite();
    const origin = await serving(createIngress({ to: jobs, keys, maxBodyBytes: 40_000 }));
    const response = await post(`${origin}/jobs/batch`, body, { headers: ndjson().headers(body) });
    expect(response).toMatchObject({ status, json: { code } });
    expect(await waiting(url)).toEqual([]);
  });

  test("of 100 lines is stored whole; of JSON by another name, unsigned, or under an id with a dot, not at all", async () => {
    const { jobs, url } = await sqlite();
    const origin = await serving(createIngress({ to: jobs, keys }));
    const to = `${origin}/jobs/batch`;
    const body = many(100);
    const headers = ndjson().headers(body);
    const asJson = { headers: { ...headers, "content-type": "application/json" } };
    expect(await post(to, body, asJson)).toMatchObject({ status: 415, json: { code: "BATCH_INVALID" } });
    expect((await post(to, body, { headers: { "content-type": "application/x-ndjson" } })).status).toBe(403);
    expect((await post(to, body, { headers: ndjson("a.b").headers(body) })).status).toBe(403);
    expect(await waiting(url)).toEqual([]);
    const response = await post(to, body, {
      headers: { ...headers, "content-type": "application/x-ndjson; charset=utf-8" },
    });
    expect((response.json as { results: { stored: boolean }[] }).results.every(({ stored }) => stored)).toBe(true);
    expect((await waiting(url)).map((job) => job.body).toSorted()).toEqual(body.split("\n").toSorted());
  });

  test("of which a part could not be stored says which lines to send again", async () => {
    const { jobs } = await sqlite();
    let stored = 0;
    const to: Jobs = {
      ...jobs,
      enqueueBody: (...of) => (stored++ === 0 ? jobs : failing(jobs, "BACKEND_UNAVAILABLE")).enqueueBody(...of),
    };
    const origin = await serving(createIngress({ to, keys }));
    const body = many(2);
    const response = await post(`${origin}/jobs/batch`, body, { headers: ndjson().headers(body) });
    expect(response).toMatchObject({
      status: 200,
      json: {
        results: [{ stored: true }, { code: "BACKEND_UNAVAILABLE", message: "not stored now; send it again" }],
      },
    });
  });
});

describe("a request that an HTTP client repeats", () => {
  test("while the first is being stored is stored once, also where the queue cannot tell two copies apart", async () => {
    const { jobs } = await sqlite();
    const { promise, resolve } = Promise.withResolvers<void>();
    let stored = 0;
    const to: Jobs = {
      ...jobs,
      async enqueueBody(body) {
        stored += 1;
        await promise;
        return { id: idIn(body), stored: true };
      },
    };
    const origin = await serving(createIngress({ to, keys }));
    const body = envelope("mail.send");
    const headers = signed(body, { asJob: true });
    const both = [post(`${origin}/jobs`, body, { headers }), post(`${origin}/jobs`, body, { headers })];
    await expect.poll(() => stored).toBe(1);
    setTimeout(resolve, 100);
    expect((await Promise.all(both)).map(({ json }) => json["stored"]).toSorted()).toEqual([false, true]);
    expect((await post(`${origin}/jobs`, body, { headers })).json).toEqual({ id: idIn(body), stored: false });
    expect(stored).toBe(1);
  });

  test("of a batch stores the lines that could not be stored before, and those alone", async () => {
    const { jobs } = await sqlite();
    const asked: string[] = [];
    let isAway = true;
    const to: Jobs = {
      ...jobs,
      enqueueBody(body, ...of) {
        asked.push(idIn(body));
        const fails = isAway && asked.length === 2;
        return (fails ? failing(jobs, "BACKEND_UNAVAILABLE") : jobs).enqueueBody(body, ...of);
      },
    };
    const origin = await serving(createIngress({ to, keys }));
    const [first, second] = [envelope("mail.send"), envelope("mail.send")];
    const body = `${first}\n${second}`;
    const headers = ndjson().headers(body);
    const results = async () => (await post(`${origin}/jobs/batch`, body, { headers })).json["results"];
    expect(await results()).toMatchObject([{ stored: true }, { code: "BACKEND_UNAVAILABLE" }]);
    isAway = false;
    expect(await results()).toMatchObject([{ stored: false }, { stored: true }]);
    expect(asked).toEqual([idIn(first), idIn(second), idIn(second)]);
  });
});

describe("what a queue cannot do", () => {
  test.each([
    ["dedupe", '"dedupe":{"key":"a"}'],
    ["a priority", '"priority":1'],
    ["a body of that size", `"source":"${"x".repeat(200)}"`],
  ])("%s is refused before it is stored, by a code of the spec, by ingress and relay", async (_, member) => {
    const open = memoryBackend({ capabilities: { priorityLevels: 1, maxBodyBytes: 200, uniqueKeys: false } });
    // Without a ledger nothing keeps unique keys instead.
    const withoutLedger: BackendFactory = async () => {
      const { ledger: __, ...backend } = (await open()) as LedgerBackend;
      return backend;
    };
    const jobs = await connect(withoutLedger, { log: "off" });
    onTestFinished(() => jobs.close());
    const body = envelope("mail.send").replace("{", `{${member},`);
    for (const endpoint of [
      createIngress({ to: jobs, keys: "unsigned", path: "/work" }),
      createRelay({ to: jobs, keys: "unsigned" }),
    ]) {
      const response = await post(`${await serving(endpoint)}/work`, body);
      expect(response).toMatchObject({ status: 422, json: { code: "NEED_UNSUPPORTED", detail: expect.any(String) } });
      expect(response.headers.get("waybill-reason")).toBe("NEED_UNSUPPORTED");
    }
    expect(await jobs.inspector?.counts()).toEqual([]);
  });

  test("a backend that is not set up is a 503, not a dead job, and the log says why", async () => {
    const { jobs } = await sqlite();
    const messages: string[] = [];
    jobs.events.on("push_refused", ({ message }) => messages.push(message));
    const origin = await serving(createIngress({ to: failing(jobs, "CONFIG_INVALID"), keys: "unsigned" }));
    const response = await post(`${origin}/jobs`, envelope("mail.send"));
    expect(response).toMatchObject({ status: 503, json: { code: "BACKEND_UNAVAILABLE" } });
    expect(messages).toEqual([expect.stringContaining("says no")]);
  });
});

test("of a batch, wrapped jobs run where signed jobs alone may, and plain ones are dead-lettered", async () => {
  const open = memoryBackend();
  const jobs = await connect(open, { keys: secret, log: "off" });
  onTestFinished(() => jobs.close());
  const origin = await serving(createIngress({ to: jobs, keys }));
  const [plain, wrapped] = [envelope("mail.send"), envelope("mail.send")];
  const body = `${plain}\n${signedWrapper(keys, wrapped)}`;
  const response = await post(`${origin}/jobs/batch`, body, { headers: ndjson().headers(body) });
  const results = [plain, wrapped].map((one) => ({ id: idIn(one), stored: true }));
  expect(response.json).toEqual({ results });
  const ended: unknown[] = [];
  jobs.events.on("finished", ({ id, outcome, reason }) => void ended.push([id, outcome, reason?.code]));
  const mail = defineJob({ type: "mail.send", handler() {} });
  await jobs.worker({ jobs: [mail], signatures: "required" }).start();
  await expect.poll(() => ended, { timeout: 5_000 }).toHaveLength(2);
  expect(ended).toContainEqual([idIn(plain), "dead", "SIGNATURE_INVALID"]);
  expect(ended).toContainEqual([idIn(wrapped), "completed", undefined]);
});

describe("a relay", () => {
  test("stores a pushed job with its producer's own signature, and responds once it is on disk", async () => {
    const { jobs, url } = await sqlite();
    const origin = await serving(createRelay({ to: jobs, keys }));
    const body = envelope("mail.send");
    const producers = { timestamp: 1_700_000_000, value: "v1,producer" };
    const headers = {
      ...signed(body),
      "waybill-signature": producers.value,
      "waybill-signature-timestamp": String(producers.timestamp),
    };
    expect((await post(`${origin}/work`, body, { headers })).json).toEqual({ id: idIn(body), stored: true });
    const plain = envelope("mail.send");
    await post(`${origin}/work`, plain, { headers: signed(plain) });
    expect(await waiting(url)).toEqual([
      { body, signature: producers },
      { body: plain, signature: null },
    ]);
  });

  test("accepts carriers that a receiver does not: they need not wait", async () => {
    const { jobs } = await sqlite();
    const hasty = { ...native({ keys }), name: "hasty", waitsForJobs: false };
    const origin = await serving(createRelay({ to: jobs, carriers: [hasty], path: "/hasty" }));
    const body = envelope("mail.send");
    expect((await post(`${origin}/hasty`, body, { headers: signed(body) })).status).toBe(200);
  });

  test("has at most 200 requests waiting while the backend is slow, and refuses the rest with 429", async () => {
    const { jobs } = await sqlite();
    const { promise, resolve } = Promise.withResolvers<void>();
    let storing = 0;
    const to: Jobs = {
      ...jobs,
      async enqueueBody(body) {
        storing += 1;
        await promise;
        return { id: idIn(body), stored: true };
      },
    };
    const relay = createRelay({ to, keys: "unsigned" });
    const responses = Array.from({ length: 230 }, () =>
      relay(new Request("http://app/work", { method: "POST", body: envelope("mail.send") })),
    );
    await expect.poll(() => storing).toBe(200);
    resolve();
    const statuses = (await Promise.all(responses)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(200);
    expect(statuses.filter((status) => status === 429)).toHaveLength(30);
  });
});

test("receiver, relay and ingress stand in one application: each matches its own path", () => {
  const to = nowhere();
  const endpoints = [createRelay({ to, keys, path: "/relay" }), createIngress({ to, keys }), createRelay({ to, keys })];
  const matchedBy = (path: string, method = "POST"): number[] =>
    endpoints.flatMap(({ matches }, at) =>
      matches({ method, path, headers: { "webhook-signature": "v1,x", "waybill-attempt": "1" } }) ? [at] : [],
    );
  expect(["/relay", "/jobs", "/jobs/batch", "/work", "/", "/jobs/other"].map((path) => matchedBy(path))).toEqual([
    [0],
    [1],
    [1],
    [2],
    [],
    [],
  ]);
  // It responds 405: a page of the application is not at an endpoint's own path.
  expect(["/work", "/jobs/batch", "/work/1", "/"].map((path) => matchedBy(path, "GET"))).toEqual([[2], [1], [], []]);
});
