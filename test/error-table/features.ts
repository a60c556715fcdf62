import { connect, defineJob, defineSchedule } from "@waybill/core";
import { healthEndpoint, jobMetrics } from "@waybill/core/metrics";
import { exportGauges, telemetry } from "@waybill/core/otel";
import { simulateCrashes, testJobs } from "@waybill/core/testing";
import { basicAuth, createDashboard } from "@waybill/dashboard";
import { createReceiver, schedulesFromCronYaml } from "@waybill/http";
import { WaybillModule } from "@waybill/nest";
import { z } from "zod";
import type { Loose, Row } from "./row.ts";

const job = defineJob({ type: "a.b", handler: () => {} });
const counted = defineJob({ type: "c.d", result: z.number(), handler: () => 1 });

const open =
  (use: (jobs: Loose) => unknown, options: object = {}) =>
  async (): Promise<void> => {
    const jobs = await connect("memory:", { log: "off", jobs: [job, counted], ...options } as Loose);
    try {
      await use(jobs);
    } finally {
      await jobs.close();
    }
  };
const unique = (options: unknown) => () => defineJob({ type: "a.b", unique: options } as Loose);
/** Checked where the definition is used, so that a producer that has none does not load the check. */
const defined = (options: object) => open(() => {}, { jobs: [defineJob({ type: "a.b", ...options } as Loose)] });
const limits = (list: unknown) => defined({ limits: list });
const schedule = (options: object) => () =>
  defineSchedule({ name: "n", job, payload: 1, cron: "0 9 * * MON", ...options } as Loose);
const member = (options: object) => open((jobs) => jobs.flow("f").add(job, 1, options));
const dashboard = (options: object) =>
  open((jobs) => createDashboard({ connections: { main: jobs }, auth: "loopback", ...options } as Loose));

/** What is wrong about a definition's rules, a schedule, a flow and a result. */
export const features: readonly Row[] = [
  ["unique: { key }", unique({ key: 1 }), /members of unique of "a\.b"/, /"key"/, /known are: by, until/],
  ["unique: fn", unique(() => 1), /unique of "a\.b"/, /a function/, /\{ by: \(\{ shop \}\) => shop \}/],
  ["unique: { by: 'shop' }", unique({ by: "shop" }), /by of unique/, /"shop"/, /a function of the payload/],
  ["unique: { until: 'ended' }", unique({ until: "ended" }), /until of unique/, /"ended"/, /"30s"/],
  ["unique: { onConflict: 'skip' }", unique({ onConflict: "skip" }), /onConflict/, /"skip"/, /"reject", "ignore"/],
  [
    "unique of a call: 'x'",
    open((jobs) => jobs.enqueue(job, 1, { unique: "x" })),
    /unique of the call/,
    /"x"/,
    /\{ key: "acme" \}/,
  ],
  [
    "limits: { key }",
    limits({ key: "x" }),
    /limits of "a\.b"/,
    /an object/,
    /a list, such as \[\{ concurrency: 1 \}\]/,
  ],
  [
    "limits: concurency",
    limits([{ concurency: 1 }]),
    /members of limits\[0\] of "a\.b"/,
    /"concurency"/,
    /did you mean "concurrency"/,
  ],
  ["limits: rate: 100", limits([{ rate: 100 }]), /rate of limits\[0\]/, /100/, /"100\/1s"/],
  ["limits: rate: '100/s'", limits([{ rate: "100/s" }]), /rate of limits\[0\]/, /"s"/, /"500ms", "30s"/],
  ["result: { n }", defined({ result: { n: 1 } }), /result of "a\.b"/, /an object/, /Standard Schema/],
  [
    "keepResult: '1 hour'",
    defined({ result: z.string(), keepResult: "1 hour" }),
    /keepResult of "a\.b"/,
    /"1 hour"/,
    /"2h"/,
  ],
  ["keepResult without result", defined({ keepResult: "1h" }), /keepResult/, /"a\.b"/, /give the schema/],
  [
    "result(receipt, { timeOut })",
    open((jobs) => jobs.result("x", { timeOut: 1 })),
    /options of result/,
    /"timeOut"/,
    /did you mean "timeout"/,
  ],
  ["result()", open((jobs) => jobs.result()), /result got/, /undefined/, /a receipt of enqueue/],
  ["schedule: cronn", schedule({ cronn: "x" }), /options of defineSchedule/, /"cronn"/, /did you mean "cron"/],
  ["schedule: cron: 'daily'", schedule({ cron: "daily" }), /cron of schedule "n"/, /"daily"/, /"0 9 \* \* MON"/],
  ["schedule: timeZone: 'Vienna'", schedule({ timeZone: "Vienna" }), /timeZone/, /"Vienna"/, /"Europe\/Vienna"/],
  ["schedule: overlap: 'deny'", schedule({ overlap: "deny" }), /overlap/, /"deny"/, /"skip" or "queue_one"/],
  ["schedule: queue: 'My Q'", schedule({ queue: "My Q" }), /queue of schedule "n"/, /"My Q"/, /lower-case letters/],
  ["schedules.put({ name })", open((jobs) => jobs.schedules.put({ name: "x" })), /put/, /an object/, /defineSchedule/],
  ["schedules.pause('x')", open((jobs) => jobs.schedules.pause("x")), /no schedule/, /"x"/, /list\(\) names/],
  [
    "worker({ schedules: one })",
    open((jobs) => jobs.worker({ jobs: [job], schedules: schedule({})() })),
    /schedules of the worker/,
    /an object/,
    /a list of what defineSchedule/,
  ],
  ["flow(7)", open((jobs) => jobs.flow(7)), /name of a flow/, /7/, /a text of 1 to 200/],
  ["flow: ondead", open((jobs) => jobs.flow("f", { ondead: 1 })), /options of flow "f"/, /"ondead"/, /"onDead"/],
  [
    "flow: onDead: 'ignore'",
    open((jobs) => jobs.flow("f", { onDead: "ignore" })),
    /onDead of flow "f"/,
    /"ignore"/,
    /"stop"/,
  ],
  ["flow.add: afterr", member({ afterr: [] }), /options of "a\.b" in flow "f"/, /"afterr"/, /did you mean "after"/],
  ["flow.add: after: 'x'", member({ after: "x" }), /after of "a\.b" in flow "f"/, /"x"/, /what add of the same flow/],
  ["flow.add: when: 'done'", member({ when: "done" }), /when of "a\.b"/, /"done"/, /"completed" or "ended"/],
  ["flow without members", open((jobs) => jobs.flow("f").start()), /flow "f"/, /no members/, /add one before start/],
  [
    "flows.list({ lmit })",
    open((jobs) => jobs.flows.list({ lmit: 1 })),
    /options of flows\.list/,
    /"lmit"/,
    /did you mean "limit"/,
  ],
];

/** What is wrong about records, control, metrics, tests and the dashboard. */
export const tools: readonly Row[] = [
  ["records: '7 days'", open(() => {}, { records: "7 days" }), /records/, /"7 days"/, /"7d"/],
  ["records: { kep }", open(() => {}, { records: { kep: 1 } }), /options of records/, /"kep"/, /did you mean "keep"/],
  [
    "records: redact: 'x'",
    open(() => {}, { records: { keep: "7d", redact: "x" } }),
    /redact of records/,
    /"x"/,
    /list of dotted paths/,
  ],
  [
    "records.find({ state: 'done' })",
    open((jobs) => jobs.records.find({ state: "done" }), { records: "7d" }),
    /state, a filter of records/,
    /"done"/,
    /"waiting", "running"/,
  ],
  ["list({ quueue })", open((jobs) => jobs.list({ quueue: 1 })), /filters of jobs/, /"quueue"/, /did you mean "queue"/],
  ["list({ limit: '10' })", open((jobs) => jobs.list({ limit: "10" })), /limit, a filter/, /"10"/, /from 1 to 1000/],
  ["find({ id })", open((jobs) => jobs.find({ id: 1 })), /find got/, /an object/, /the id of a job/],
  ["cancel({})", open((jobs) => jobs.cancel({})), /cancel/, /without a filter/, /a queue or a type/],
  [
    "cancel(query, { dryrun })",
    open((jobs) => jobs.cancel({ queue: "a" }, { dryrun: true })),
    /options of cancel/,
    /"dryrun"/,
    /did you mean "dryRun"/,
  ],
  ["reschedule(id, 5)", open((jobs) => jobs.reschedule("x", 5)), /time/, /5/, /pass a Date/],
  ["pause('mail')", open((jobs) => jobs.pause("mail")), /pause got/, /"mail"/, /\{ queue: "mailers" \}/],
  ["pause({ queues })", open((jobs) => jobs.pause({ queues: 1 })), /what pause takes/, /"queues"/, /"queue"/],
  ["pause({})", open((jobs) => jobs.pause({})), /pause/, /neither/, /one queue or one type/],
  ["counts('mail')", open((jobs) => jobs.inspector.counts("mail")), /counts got/, /"mail"/, /a list of names/],
  ["events.on('setled')", open((jobs) => jobs.events.on("setled", () => {})), /no event/, /"setled"/, /"settled"/],
  [
    "enqueueMany([{ option }])",
    open(async (jobs) => {
      const [result] = await jobs.enqueueMany([{ job, payload: 1, option: { delay: "1h" } }]);
      throw result.error;
    }),
    /item of enqueueMany/,
    /"option"/,
    /did you mean "options"/,
  ],
  ["jobMetrics({})", () => jobMetrics({} as Loose), /jobMetrics got/, /an object/, /await connect\(url\)/],
  ["jobMetrics: types: 'a'", open((jobs) => jobMetrics(jobs, { types: "a" } as Loose)), /types/, /"a"/, /a list/],
  [
    "jobMetrics: runBuckets: [3, 1]",
    open((jobs) => jobMetrics(jobs, { runBuckets: [3, 1] })),
    /runBuckets/,
    /\[3, 1\]/,
    /in rising order/,
  ],
  ["healthEndpoint({})", () => healthEndpoint({} as Loose), /healthEndpoint got/, /an object/, /pass a worker/],
  [
    "healthEndpoint: metrics: true",
    () => healthEndpoint([], { metrics: true } as Loose),
    /metrics of healthEndpoint/,
    /true/,
    /what jobMetrics\(…\) returned/,
  ],
  ["exportGauges({})", () => exportGauges({} as Loose), /exportGauges got/, /an object/, /what jobMetrics/],
  [
    "telemetry: producer: 'child'",
    () => telemetry({ producer: "child" } as Loose),
    /producer of telemetry/,
    /"child"/,
    /"parent" or "link"/,
  ],
  [
    "simulateCrashes({ jobs })",
    () => simulateCrashes({ jobs: [] } as Loose),
    /options of simulateCrashes/,
    /"jobs"/,
    /did you mean "job"/,
  ],
  [
    "simulateCrashes: cases: 'x'",
    () => simulateCrashes({ world: Object, job: () => job, check() {}, cases: "x" } as Loose),
    /cases/,
    /"x"/,
    /a whole number/,
  ],
  [
    "testJobs: enqueued('a.b')",
    async () => {
      const jobs = await testJobs({ jobs: [job] });
      try {
        jobs.enqueued("a.b" as Loose);
      } finally {
        await jobs.close();
      }
    },
    /the job of enqueued/,
    /"a\.b"/,
    /what defineJob/,
  ],
  [
    "receiver.stop({ drian })",
    () => createReceiver({ jobs: [job], keys: "unsigned", log: "off" }).stop({ drian: "5s" } as Loose),
    /options of stop/,
    /"drian"/,
    /did you mean "drain"/,
  ],
  [
    "schedulesFromCronYaml(text)",
    () => (schedulesFromCronYaml as Loose)("version: 1\ncron: []"),
    /jobs of cron\.yaml/,
    /undefined/,
    /a definition for each task/,
  ],
  [
    "dashboard: connections: jobs",
    open((jobs) => createDashboard({ connections: jobs, auth: "loopback" })),
    /"connections"/,
    /an object/,
    /\{ main: await connect\(url\) \}/,
  ],
  [
    "forRootAsync({ useFactry })",
    () => WaybillModule.forRootAsync({ useFactry: () => ({ url: "memory:" }) } as Loose),
    /WaybillModule\.forRootAsync/,
    /"useFactry"/,
    /did you mean "useFactory"/,
  ],
  [
    "forRootAsync({})",
    () => WaybillModule.forRootAsync({} as Loose),
    /useFactory in the options of WaybillModule\.forRootAsync/,
    /undefined/,
    /a function that returns \{ url/,
  ],
  [
    "forFeature(jobs, { enhancer })",
    () => WaybillModule.forFeature([job], { enhancer: true } as Loose),
    /WaybillModule\.forFeature/,
    /"enhancer"/,
    /did you mean "enhancers"/,
  ],
  ["dashboard: auth: 7", dashboard({ auth: 7 }), /"auth"/, /7/, /basicAuth\(…\)/],
  ["dashboard: readOnly: 'yes'", dashboard({ readOnly: "yes" }), /"readOnly"/, /"yes"/, /true or false/],
  ["dashboard: path: 'jobs'", dashboard({ path: "jobs" }), /"path"/, /"jobs"/, /from the root, such as "\/jobs"/],
  [
    "basicAuth without a password",
    () => basicAuth({ user: "x", password: undefined } as Loose),
    /password of basicAuth/,
    /missing/,
    /at least 12 characters/,
  ],
];
