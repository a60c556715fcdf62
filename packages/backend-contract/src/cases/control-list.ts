import assert from "node:assert/strict";
import type { JobQuery, JobState, StoredJob } from "@waybill/core/backend";
import type { Bench, ContractCase } from "../contract-case.ts";
import { assertBetween } from "../expect.ts";
import { delays } from "./applies-to.ts";
import { controlOf, controlRule, idsOf, listAll, onlyJob, putMany } from "./control-bench.ts";
import { makeDeadLetter } from "./dead-letter.ts";

const FAR_MS = 600_000;

/** A rule that a filter finds the first of these messages and none of the others. */
const finds = (name: string, parts: Parameters<Bench["put"]>, query: JobQuery): ContractCase =>
  controlRule(name, async (bench) => {
    const [wanted] = await bench.put(...parts);
    assert.deepEqual(idsOf(await listAll(bench, query)), [wanted?.id]);
  });

const described: readonly ContractCase[] = [
  controlRule("a listed job has the label and the bytes that are delivered", async (bench) => {
    const priority = bench.backend.capabilities.priorityLevels > 1 ? 50 : 0;
    const body = ' {"b":1.0,"a":"\u2028 żółw \\u00e9"}\n';
    await bench.put({ type: "mail.album_ready", tenant: "acme", priority, body });
    const { id, type, queue, tenant, reason, ...job } = await onlyJob(bench);
    const lease = await bench.leaseOne();
    assert.deepEqual([id, type, queue, tenant, reason], [lease.id, lease.type, lease.queue, lease.tenant, null]);
    assert.deepEqual([job.priority, job.body], [priority, lease.body]);
  }),
  controlRule("a job of no tenant is listed with null", async (bench) => {
    await bench.put();
    assert.equal((await onlyJob(bench)).tenant, null);
  }),
  controlRule("a job is listed with the number of its attempt", async (bench) => {
    await bench.put();
    await bench.backend.retry(await bench.leaseOne(), { delayMs: 0, countsAttempt: true });
    const { attempt } = await bench.leaseOne();
    assert.equal((await onlyJob(bench)).attempt, attempt);
  }),
  controlRule("a job is listed with when it was enqueued, or with null", async (bench) => {
    const before = Date.now();
    await bench.put();
    const { enqueuedAt } = await onlyJob(bench);
    if (enqueuedAt !== null) assertBetween(enqueuedAt, before, Date.now(), bench.promptMs);
  }),
  controlRule(
    "dueAt of a delayed job is when it becomes ready",
    async (bench) => {
      await bench.put({ delayMs: FAR_MS });
      assertBetween((await onlyJob(bench)).dueAt, Date.now() + FAR_MS, Date.now() + FAR_MS, bench.promptMs);
    },
    delays,
  ),
  controlRule("dueAt of a leased job is when its lease ends; a job that is ready has none", async (bench) => {
    await bench.put();
    assert.equal((await onlyJob(bench)).dueAt, null);
    const leaseMs = 60_000;
    await bench.leaseOne({ leaseMs });
    const { dueAt } = await onlyJob(bench);
    if (bench.backend.capabilities.maxLeaseMs === 0) assert.equal(dueAt, null);
    else assertBetween(dueAt, Date.now() + leaseMs, Date.now() + leaseMs, bench.promptMs);
  }),
  controlRule("a dead letter is listed with its reason", async (bench) => {
    const reason = { code: "CARD", message: "declined" };
    await makeDeadLetter(bench, {}, reason);
    const { code, message } = (await onlyJob(bench)).reason ?? {};
    assert.deepEqual({ code, message }, reason);
  }),
  controlRule("a job is ready, delayed, leased or dead, and is found by its state", async (bench) => {
    const dead = await makeDeadLetter(bench);
    const [leased] = await bench.put();
    await bench.leaseOne();
    const [ready] = await bench.put();
    const expected: Partial<Record<JobState, string | undefined>> = { ready: ready?.id, leased: leased?.id, dead };
    if (bench.backend.capabilities.maxDelayMs > 0) expected.delayed = (await bench.put({ delayMs: FAR_MS }))[0]?.id;
    for (const [state, id] of Object.entries(expected) as [JobState, string][]) {
      const { jobs } = await controlOf(bench).list({ state });
      assert.deepEqual(
        jobs.map((job) => [job.id, job.state]),
        [[id, state]],
      );
    }
  }),
];

const filtered: readonly ContractCase[] = [
  controlRule("jobs are listed by exactly their queue", async (bench) => {
    const [wanted] = await bench.put({}, { queue: `${bench.queue}-other` });
    assert.deepEqual(idsOf(await listAll(bench, { queue: bench.queue })), [wanted?.id]);
  }),
  finds("jobs are listed by exactly their type", [{ type: "mail.send" }, { type: "mail.send_all" }], {
    type: "mail.send",
  }),
  finds("jobs are listed by exactly their tenant", [{ tenant: "acme" }, { tenant: "acme-2" }, { tenant: null }], {
    tenant: "acme",
  }),
  controlRule("jobs are listed by their ids, and an id that is not there is left out", async (bench) => {
    const [first, , third] = await bench.put({}, {}, {});
    assert.ok(first && third);
    const found = await listAll(bench, { ids: [third.id, "no-such-id", first.id] });
    assert.deepEqual(idsOf(found), idsOf([first, third]));
  }),
  finds("a text is found in upper and lower case", [{ body: '{"to":"Anna@Example.org"}' }, { body: "{}" }], {
    text: "aNNA@eXAMPLE",
  }),
  finds(
    "a text is no pattern",
    [
      { body: '"50%_*[a].x"' },
      { body: '"50 and _*[a].x, as LIKE has it"' },
      { body: '"50%_zza.x, as a glob has it"' },
      { body: '"50%a-x, as a regular expression has it"' },
    ],
    { text: "50%_*[a].x" },
  ),
  controlRule("jobs are listed since the enqueue of the first of them", async (bench) => {
    const began = Date.now();
    const sent: StoredJob[] = [];
    for (let count = 0; count < 3; count += 1) {
      sent.push(await onlyJob(bench, { ids: idsOf(await bench.put()) }));
      await bench.sleep(bench.tickMs);
    }
    const [, second, third] = sent;
    const since = second?.enqueuedAt ?? null;
    // Whether it is a moment at all is the concern of another rule.
    if (since === null || since < began - bench.promptMs) return;
    assert.deepEqual(idsOf(await listAll(bench, { since })), idsOf([second, third] as StoredJob[]));
    assert.deepEqual(await listAll(bench, { since: Date.now() + FAR_MS }), []);
  }),
  controlRule("the limit of a page counts what passes every filter", async (bench) => {
    const [, , wanted] = await bench.put(
      { type: "mail.send", tenant: "other" },
      { type: "photo.resize", tenant: "acme" },
      { type: "mail.send", tenant: "acme" },
      { type: "photo.resize", tenant: "other" },
    );
    const { jobs } = await controlOf(bench).list({ type: "mail.send", tenant: "acme", limit: 1 });
    assert.deepEqual(idsOf(jobs), [wanted?.id]);
  }),
];

const paged: readonly ContractCase[] = [
  controlRule("a page has 100 jobs where no limit is given, and says so when it is the last", async (bench) => {
    await putMany(bench, 101);
    const first = await controlOf(bench).list({});
    assert.equal(first.jobs.length, 100);
    assert.notEqual(first.next, null);
    const second = await controlOf(bench).list({ after: first.next as string });
    assert.deepEqual([second.jobs.length, second.next], [1, null]);
  }),
  controlRule("pages of a filtered list together have each job once", async (bench) => {
    const sent = await bench.put(...Array.from({ length: 25 }, (_, at) => ({ type: at % 2 ? "mail.send" : "other" })));
    const found = await listAll(bench, { type: "mail.send", limit: 5 });
    assert.deepEqual(idsOf(found), idsOf(sent.filter(({ type }) => type === "mail.send")));
  }),
  controlRule("while jobs come, go and change, pages have each job that stays exactly once", async (bench) => {
    const priorities = bench.backend.capabilities.priorityLevels > 1 ? [0, 50, -50] : [0];
    const sent = await bench.put(
      ...Array.from({ length: 24 }, (_, at) => ({ priority: priorities[at % priorities.length] as number })),
    );
    const seen = new Set<string>();
    const gone = new Set<string>();
    const found = await listAll(bench, { limit: 6 }, async (page) => {
      for (const { id } of page) seen.add(id);
      const unseen = sent.find(({ id }) => !seen.has(id) && !gone.has(id));
      const leaving = [page[0]?.id, page[1]?.id, unseen?.id].filter((id) => id !== undefined);
      for (const id of leaving) gone.add(id);
      await controlOf(bench).cancel(leaving);
      await bench.put({ priority: priorities.at(-1) as number }, { priority: priorities.at(1) ?? 0 });
      const [lease] = await bench.lease();
      if (lease) await bench.backend.retry(lease, { delayMs: 0, countsAttempt: true });
    });
    const stayed = sent.filter(({ id }) => !gone.has(id));
    const listed = found.filter(({ id }) => stayed.some((message) => message.id === id));
    assert.deepEqual(idsOf(listed), idsOf(stayed));
  }),
];

/** Rules about finding jobs. */
export const controlListCases: readonly ContractCase[] = [...described, ...filtered, ...paged];
