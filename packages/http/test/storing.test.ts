import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type Jobs, newId, type WaybillErrorCode, WaybillError } from "@waybill/core";
import { unheard } from "@waybill/test-servers";
import { describe, expect, onTestFinished, test } from "vitest";
import { createIngress, createRelay, native } from "../src/index.ts";
import { envelope, idIn } from "./daemon-request.ts";
import { keys, now, post, secret, serving, signed } from "./pushing.ts";
import { nowhere } from "./asking.ts";

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
    report: unheard,
  });
  const { signal } = new AbortController();
  const leases = await backend.lease({ queue: "default", limit: 200, leaseMs: 60_000, waitMs: 0, signal });
  await backend.close();
  return leases.map(({ body, signature }) => ({ body, signature }));
}

/** A connection whose backend is having a bad day. */
function failing(jobs: Jobs, code: WaybillErrorCode): Jobs {
  const failure = new WaybillError(code, "redis://10.1.2.3:6379 says no");
  return { ...jobs, enqueueBody: () => Promise.reject(failure) };
}

const ndjson = (id = "batch_1") => ({
  headers: (body: string) => ({ ...signed(body, { id, asJob: true }), "content-type": "application/x-ndjson" }),
});

describe("an ingress", () => {
  test("stores an envelope byte for byte, with its producer's signature, and answers once it is on disk", async () => {
    const { jobs, url } = await sqlite();
    const origin = await serving(createIngress({ to: jobs, keys }));
    const body = ` ${envelope("mail.send", { to: "ö \u2028" })}\n`;
    const headers = signed(body, { asJob: true });
    const answer = await post(`${origin}/jobs`, body, { headers });
    expect(answer).toMatchObject({ status: 200, json: { id: idIn(body), stored: true } });
    expect(Object.fromEntries(answer.headers)).toMatchObject({
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

  test("refuses what is no envelope, and says what is wrong with it to whoever has signed", async () => {
    const { jobs } = await sqlite();
    const refused: string[] = [];
    jobs.events.on("push_refused", ({ code }) => refused.push(code));
    const origin = await serving(createIngress({ to: jobs, keys }));
    const body = envelope("mail.send").replace("waybill/1", "waybill/2");
    const answer = await post(`${origin}/jobs`, body, { headers: signed(body, { asJob: true }) });
    expect(answer).toMatchObject({ status: 400, json: { code: "SPEC_UNSUPPORTED", detail: expect.any(String) } });
    const mail = envelope("mail.send");
    expect((await post(`${origin}/jobs`, mail)).status).toBe(403);
    const asAnother = signed(mail, { id: newId(), asJob: true });
    expect((await post(`${origin}/jobs`, mail, { headers: asAnother })).json).toMatchObject({
      code: "CARRIER_INVALID",
    });
    expect(refused).toEqual(["SPEC_UNSUPPORTED", "FORBIDDEN", "CARRIER_INVALID"]);
  });

  test("takes the very request again that it could not store, and not the one that it could", async () => {
    const { jobs } = await sqlite();
    let isAway = true;
    const to: Jobs = {
      ...jobs,
      enqueueBody: (...of) => (isAway ? failing(jobs, "BACKEND_FULL") : jobs).enqueueBody(...of),
    };
    const origin = await serving(createIngress({ to, keys }));
    const body = envelope("mail.send");
    const headers = signed(body, { asJob: true });
    const statuses = [(await post(`${origin}/jobs`, body, { headers })).status];
    isAway = false;
    for (let n = 0; n < 2; n++) statuses.push((await post(`${origin}/jobs`, body, { headers })).status);
    expect(statuses).toEqual([503, 200, 403]);
  });

  test.each<[WaybillErrorCode, string]>([
    ["BACKEND_UNAVAILABLE", "5"],
    ["BACKEND_FULL", "5"],
    ["BACKEND_CLOSED", "1"],
  ])("answers 503 to %s, and tells where the backend is to us alone", async (code, retryAfter) => {
    const { jobs } = await sqlite();
    const messages: string[] = [];
    jobs.events.on("push_refused", ({ message }) => messages.push(message));
    const origin = await serving(createIngress({ to: failing(jobs, code), keys: secret }));
    const body = envelope("mail.send");
    const answer = await post(`${origin}/jobs`, body, { headers: signed(body, { asJob: true }) });
    expect(answer).toMatchObject({ status: 503, json: { code } });
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      "retry-after": retryAfter,
      "waybill-outcome": "release",
    });
    expect(answer.headers.get("waybill-reason")).toBeNull();
    const lines = `${envelope("mail.send")}\n${envelope("mail.send")}\n`;
    const batch = await post(`${origin}/jobs/batch`, lines, { headers: ndjson().headers(lines) });
    expect(batch).toMatchObject({ status: 503, json: { code } });
    expect(answer.text + batch.text).not.toContain("10.1.2.3");
    expect(messages).toEqual([expect.stringContaining("10.1.2.3"), expect.stringContaining("10.1.2.3")]);
  });
});

describe("a batch", () => {
  test("is answered line by line, each stored byte for byte or refused for itself", async () => {
    const { jobs, url } = await sqlite();
    const origin = await serving(createIngress({ to: jobs, keys, path: "/in" }));
    const [first, spaced, twin] = [envelope("mail.send"), `\t${envelope("mail.send", { n: "\u2028" })} \r`, ""];
    const lines = [first, spaced, first, "{}", first.replace("{}", '{"n":"1"}'), "not json"];
    const body = `${lines.join("\n")}\n${twin}`;
    const answer = await post(`${origin}/in/batch`, body, { headers: ndjson().headers(body) });
    expect(answer.status).toBe(200);
    const { results } = answer.json as { results: { id?: string; code?: string }[] };
    const told = results.map(({ id, code }) => id ?? code);
    expect(told.slice(0, 2)).toEqual([idIn(first), idIn(spaced)]);
    expect(told.slice(3)).toEqual(["FIELD_MISSING", "ID_CONFLICT", "JSON_SYNTAX"]);
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
    const answer = await post(`${origin}/jobs/batch`, body, { headers: ndjson().headers(body) });
    expect(answer).toMatchObject({ status, json: { code } });
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
    const answer = await post(to, body, {
      headers: { ...headers, "content-type": "application/x-ndjson; charset=utf-8" },
    });
    expect((answer.json as { results: { stored: boolean }[] }).results.every(({ stored }) => stored)).toBe(true);
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
    const answer = await post(`${origin}/jobs/batch`, body, { headers: ndjson().headers(body) });
    expect(answer).toMatchObject({
      status: 200,
      json: {
        results: [{ stored: true }, { code: "BACKEND_UNAVAILABLE", message: "not stored now; send it again" }],
      },
    });
  });
});

describe("a relay", () => {
  test("stores what is pushed with its producer's own signature, and answers once it is on disk", async () => {
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

  test("takes carriers that a receiver does not: they need not wait", async () => {
    const { jobs } = await sqlite();
    const hasty = { ...native({ keys }), name: "hasty", runs: false };
    const origin = await serving(createRelay({ to: jobs, carriers: [hasty], path: "/hasty" }));
    const body = envelope("mail.send");
    expect((await post(`${origin}/hasty`, body, { headers: signed(body) })).status).toBe(200);
  });

  test("holds no more than 200 requests while the backend is slow, and tells the rest to come back", async () => {
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
    const answers = Array.from({ length: 230 }, () =>
      relay(new Request("http://app/work", { method: "POST", body: envelope("mail.send") })),
    );
    await expect.poll(() => storing).toBe(200);
    resolve();
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(200);
    expect(statuses.filter((status) => status === 429)).toHaveLength(30);
  });
});

test("receiver, relay and ingress stand in one application: each claims its own path", () => {
  const to = nowhere();
  const doors = [createRelay({ to, keys, path: "/relay" }), createIngress({ to, keys }), createRelay({ to, keys })];
  const claimedBy = (path: string, method = "POST"): number[] =>
    doors.flatMap(({ claims }, at) =>
      claims({ method, path, headers: { "webhook-signature": "v1,x", "waybill-attempt": "1" } }) ? [at] : [],
    );
  expect(["/relay", "/jobs", "/jobs/batch", "/work", "/", "/jobs/other"].map((path) => claimedBy(path))).toEqual([
    [0],
    [1],
    [1],
    [2],
    [],
    [],
  ]);
  expect(claimedBy("/work", "GET")).toEqual([]);
});
