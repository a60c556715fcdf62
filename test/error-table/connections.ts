import { connect, defineJob, migrate } from "@waybill/core";
import { executeInline, testJobs } from "@waybill/core/testing";
import { z } from "zod";
import type { Loose, Row } from "./row.ts";

const job = defineJob({ type: "a.b", handler: () => {} });
const typed = defineJob({ type: "c.d", payload: z.object({ orderId: z.string() }), handler: () => {} });
const unlisted = defineJob({ type: "x.y" });

async function open(use: (jobs: Loose) => unknown, options: object = {}): Promise<void> {
  const jobs = await connect("memory:", { log: "off", jobs: [job, typed], ...options } as Loose);
  try {
    await use(jobs);
  } finally {
    await jobs.close();
  }
}
const option = (options: object) => () => open(() => {}, options);
const enqueue =
  (options: unknown, payload: unknown = 1) =>
  () =>
    open((jobs) => jobs.enqueue(job, payload, options));
const worker = (options: object) => () => open((jobs) => jobs.worker({ jobs: [job], ...options }));
const inspector = (query: object) => () => open((jobs) => jobs.inspector.drop(query));
const item = (one: unknown) => () =>
  open(async (jobs) => {
    const [result] = await jobs.enqueueMany([one]);
    throw result.error;
  });

/** What is wrong about a connection. */
export const connections: readonly Row[] = [
  ["connect(undefined)", () => connect(undefined), /backend's URL/, /undefined/, /environment variable set.*"sqlite:/],
  ["connect('')", () => connect(""), /backend's URL/, /""/, /environment variable set.*"sqlite:/],
  ["migrate(' ')", () => migrate(" "), /URL of migrate/, /" "/, /environment variable set/],
  [
    "connect({ url })",
    () => connect({ url: "memory:" } as Loose),
    /backend's URL/,
    /an object/,
    /"sqlite:\.\/waybill\.db"/,
  ],
  [
    "connect(new URL(…))",
    () => connect(new URL("redis://h") as Loose),
    /backend's URL/,
    /an instance of URL/,
    /url\.href/,
  ],
  ["connect(url, 7)", () => connect("memory:", 7 as Loose), /options of connect/, /7/, /pass an object/],
  ["logg", option({ logg: "off" }), /options of connect/, /"logg"/, /did you mean "log"/],
  [
    "log: true",
    option({ log: true }),
    /log of the connection/,
    /true/,
    /"stdout", "json", "pretty", "off" or a function/,
  ],
  ["maxBodyBytes: '1mb'", option({ maxBodyBytes: "1mb" }), /maxBodyBytes of the connection/, /"1mb"/, /262_144/],
  ["source: 7", option({ source: 7 }), /source of the connection/, /7/, /a text/],
  ["role: 7", option({ role: 7 }), /role of the connection/, /7/, /a text/],
  ["version: 7", option({ version: 7 }), /version of the connection/, /7/, /a text/],
  [
    "allowVolatile: 'yes'",
    option({ allowVolatile: "yes" }),
    /allowVolatile of the connection/,
    /"yes"/,
    /true or false/,
  ],
  [
    "require: 'durable'",
    option({ require: "durable" }),
    /require of the connection/,
    /"durable"/,
    /a list, such as \["durable"\]/,
  ],
  [
    "require: ['exactly_once']",
    option({ require: ["exactly_once"] }),
    /`require`/,
    /"exactly_once"/,
    /known are: delivery:pull, .*transactions/,
  ],
  [
    "require: ['transaction']",
    option({ require: ["transaction"] }),
    /`require`/,
    /"transaction"/,
    /did you mean "transactions"/,
  ],
  [
    "require: ['transactions'] of memory",
    option({ require: ["transactions"] }),
    /`require`/,
    /"transactions"/,
    /Choose another backend/,
  ],
  [
    "enqueueIn(job, payload)",
    () => open((jobs) => jobs.enqueueIn(job, { id: 1 })),
    /job of enqueueIn\(transaction, job, payload\)/,
    /an object/,
    /what defineJob/,
  ],
  [
    "services: 'redis'",
    option({ services: "redis" }),
    /services of the connection/,
    /"redis"/,
    /\{ redis: ">=6\.2 <8" \}/,
  ],
  ["services: { redis: 7 }", option({ services: { redis: 7 } }), /services\.redis/, /7/, />=6\.2 <8/],
  ["telemetry: true", option({ telemetry: true }), /telemetry of the connection/, /true/, /@waybill\/core\/otel/],
  ["enqueueTimeout: 'soon'", option({ enqueueTimeout: "soon" }), /enqueueTimeout/, /"soon"/, /"30s"/],
  [
    "keys: undefined",
    option({ keys: undefined }),
    /"keys" in the options of the connection/,
    /undefined/,
    /environment variable set\? Leave "keys" out/,
  ],
  ["keys: 7", option({ keys: 7 }), /key ring/, /a number/, /"whsec_" texts/],
  ["jobs: job", option({ jobs: job }), /jobs of the connection/, /an object/, /\[sendReceipt\]/],
  ["migrate(undefined)", () => migrate(undefined), /URL of migrate/, /undefined/, /environment variable set/],
  [
    "events.on('settled')",
    () => open((jobs) => jobs.events.on("settled")),
    /listener of "settled"/,
    /undefined/,
    /pass a function/,
  ],
  ["testJobs({})", () => testJobs({} as Loose), /jobs of testJobs/, /undefined/, /\[sendReceipt\]/],
  [
    "testJobs({ like: 'mysql' })",
    () => testJobs({ jobs: [job], like: "mysql" } as Loose),
    /like/,
    /"mysql"/,
    /known are "sqlite"/,
  ],
  [
    "executeInline({ type })",
    () => executeInline({ type: "x" } as Loose, 1),
    /job to run/,
    /an object/,
    /wrap it in defineJob/,
  ],
];

/** What is wrong about one call. */
export const calls: readonly Row[] = [
  [
    "enqueue({ type: 'x' })",
    () => open((jobs) => jobs.enqueue({ type: "x" }, 1)),
    /job to enqueue/,
    /an object/,
    /wrap it in defineJob/,
  ],
  [
    "an unlisted definition",
    () => open((jobs) => jobs.enqueue(unlisted, 1)),
    /no job of type/,
    /"x\.y"/,
    /connect\(\{ jobs \}\)/,
  ],
  [
    "no payload",
    () => open((jobs) => jobs.enqueue(typed)),
    /payload of "c\.d"/,
    /undefined/,
    /give one, or let the schema take undefined/,
  ],
  ["a Date as payload", enqueue({}, { at: new Date() }), /payload of "a\.b" .*: at/, /a Date/, /toISOString\(\)/],
  ["a Map as payload", enqueue({}, { sizes: new Map() }), /sizes/, /a Map/, /Object\.fromEntries/],
  ["a bigint as payload", enqueue({}, [1n]), /\[0\]/, /a bigint/, /send a string/],
  ["options: '10s'", enqueue("10s"), /options of enqueue for "a\.b"/, /"10s"/, /pass an object/],
  ["dely", enqueue({ dely: "1s" }), /options of enqueue for "a\.b"/, /"dely"/, /did you mean "delay"/],
  ["delay: 'soon'", enqueue({ delay: "soon" }), /delay/, /"soon"/, /"30s"/],
  ["delay: new Date()", enqueue({ delay: new Date() }), /delay/, /class Date/, /"30s"/],
  [
    "runAt: '2026-01-01'",
    enqueue({ runAt: "2026-01-01" }),
    /runAt of "a\.b"/,
    /"2026-01-01"/,
    /new Date\("2026-01-01"\)/,
  ],
  ["runAt: new Date('x')", enqueue({ runAt: new Date("x") }), /runAt of "a\.b"/, /an invalid Date/, /getTime\(\)/],
  ["delay and runAt", enqueue({ delay: "1s", runAt: new Date() }), /delay and runAt/, /"a\.b"/, /give one/],
  ["expiresIn before delay", enqueue({ delay: "1m", expiresIn: "1s" }), /expire/, /"a\.b"/, /more time than its delay/],
  ["id: 'receipt o_1'", enqueue({ id: "receipt o_1" }), /id of "a\.b"/, /"receipt o_1"/, /write \["receipt o_1"\]/],
  ["id: 7", enqueue({ id: 7 }), /id of "a\.b"/, /7/, /leave it out/],
  ["queue: 7", enqueue({ queue: 7 }), /queue of the call for "a\.b"/, /7/, /lower-case/],
  ["priority: 'high'", enqueue({ priority: "high" }), /priority of "a\.b"/, /"high"/, /-100 to 100/],
  ["tenant: 7", enqueue({ tenant: 7 }), /tenant of "a\.b"/, /7/, /a text/],
  ["timeout: 0", enqueue({ timeout: 0 }), /timeout of the call for "a\.b"/, /0 s/, /at most "7d"/],
  ["meta: 'x'", enqueue({ meta: "x" }), /meta of "a\.b"/, /"x"/, /pass an object/],
  [
    "meta: { at: new Date() }",
    enqueue({ meta: { at: new Date() } }),
    /meta\.at of "a\.b"/,
    /an object/,
    /texts, numbers/,
  ],
  [
    "retry: maxAttempts: 1000",
    enqueue({ retry: { maxAttempts: 1_000 } }),
    /retry\.maxAttempts of the call/,
    /1000/,
    /1 to 100/,
  ],
  [
    "retry: nonRetryable: [TypeError]",
    enqueue({ retry: { nonRetryable: [TypeError] } }),
    /retry\.nonRetryable\[0\] of the call/,
    /a class/,
    /name its code/,
  ],
  [
    "enqueueMany(item)",
    () => open((jobs) => jobs.enqueueMany({ job, payload: 1 })),
    /enqueueMany/,
    /an object/,
    /an array of \{ job, payload \}/,
  ],
  ["enqueueMany([7])", item(7), /item of enqueueMany/, /7/, /\{ job, payload, options\? \}/],
  [
    "enqueueMany(items, 'x')",
    () => open((jobs) => jobs.enqueueMany([], "x")),
    /second argument of enqueueMany/,
    /"x"/,
    /a function/,
  ],
  [
    "enqueueBody({})",
    () => open((jobs) => jobs.enqueueBody({})),
    /body of enqueueBody/,
    /an object/,
    /JSON\.stringify/,
  ],
];

/** What is wrong about a worker, and about dead letters. */
export const workers: readonly Row[] = [
  ["worker({})", () => open((jobs) => jobs.worker({})), /`jobs`/, /no `jobs`/, /\{ jobs: \[sendReceipt\] \}/],
  ["jobs: ['a.b']", worker({ jobs: ["a.b"] }), /jobs of the worker\[0\]/, /"a\.b"/, /defineJob/],
  ["a job without a handler", worker({ jobs: [unlisted] }), /handler/, /"x\.y"/, /handlerFor/],
  ["queues: 'mail'", worker({ queues: "mail" }), /queues/, /"mail"/, /a list of names, or weights/],
  ["queues: { mail: 0 }", worker({ queues: { mail: 0 } }), /weight of queue "mail"/, /0/, /1 to 1000/],
  ["concurency", worker({ concurency: 5 }), /options of worker/, /"concurency"/, /did you mean "concurrency"/],
  ["concurrency: '5'", worker({ concurrency: "5" }), /concurrency/, /"5"/, /a whole number from 1, and no text/],
  ["lease: '30'", worker({ lease: "30" }), /lease/, /"30"/, /"30s"/],
  ["shutdownFile: 7", worker({ shutdownFile: 7 }), /shutdownFile/, /7/, /the path of a file/],
  ["maxMemoryBytes: '1gb'", worker({ maxMemoryBytes: "1gb" }), /maxMemoryBytes/, /"1gb"/, /bytes, more than 0/],
  ["typeConcurrency: 5", worker({ typeConcurrency: 5 }), /typeConcurrency/, /5/, /\{ "photo\.resize": 2 \}/],
  [
    "typeConcurrency of another",
    worker({ typeConcurrency: { "x.y": 1 } }),
    /typeConcurrency/,
    /"x\.y"/,
    /name the type of one of them/,
  ],
  ["signatures: 'yes'", worker({ signatures: "yes" }), /signatures/, /"yes"/, /one of off, optional, required/],
  ["signatures without keys", worker({ signatures: "required" }), /signatures/, /"required"/, /give `keys`/],
  [
    "signatures: undefined",
    worker({ signatures: undefined }),
    /"signatures" in the options of worker/,
    /undefined/,
    /environment variable/,
  ],
  ["middleware: fn", worker({ middleware: () => {} }), /middleware/, /a function/, /a list of functions/],
  ["shutdown: { drain: 'long' }", worker({ shutdown: { drain: "long" } }), /shutdown\.drain/, /"long"/, /"30s"/],
  ["drop({ id })", inspector({ id: [] }), /filters of dead letters/, /"id"/, /did you mean "ids"/],
  ["drop({ ids: undefined })", inspector({ ids: undefined }), /"ids" in the filters/, /undefined/, /Leave "ids" out/],
  ["drop({ ids: 'x' })", inspector({ ids: "x" }), /ids, a filter/, /"x"/, /a list of strings/],
];
