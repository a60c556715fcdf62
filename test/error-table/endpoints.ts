import { connect, defineJob } from "@waybill/core";
import { waybill } from "@waybill/express";
import {
  cloudTasks,
  createIngress,
  createReceiver,
  createRelay,
  eventBridge,
  native,
  pubsub,
  qstash,
  sendOverHttp,
  sns,
  sqsd,
} from "@waybill/http";
import { InjectJob, WaybillModule } from "@waybill/nest";
import { bullmqBackend } from "@waybill/bullmq";
import { ec2AutoScaling, ec2Spot, ecs, watchTermination } from "@waybill/platforms";
import { postgresBackend } from "@waybill/postgres";
import { rabbitmqBackend } from "@waybill/rabbitmq";
import { sqliteBackend } from "@waybill/sqlite";
import { sqsBackend, sqsHandler } from "@waybill/sqs";
import type { Loose, Row } from "./row.ts";

const job = defineJob({ type: "a.b", handler: () => {} });
const keys = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const receiver = (options: object) => () => createReceiver({ jobs: [job], keys, log: "off", ...options } as Loose);
const to = (given: unknown) => () => createRelay({ keys, to: given } as Loose);

/** What is wrong about what takes and sends jobs over HTTP. */
export const endpoints: readonly Row[] = [
  ["createReceiver without jobs", receiver({ jobs: undefined }), /jobs/, /undefined/, /\[sendReceipt\]/],
  [
    "createReceiver({ keys: undefined })",
    receiver({ keys: undefined }),
    /"keys" in the options of createReceiver/,
    /undefined/,
    /environment variable set\? Give "whsec_" secrets, or "unsigned"; `waybill keys` makes one/,
  ],
  [
    "createReceiver({ concurency })",
    receiver({ concurency: 1 }),
    /createReceiver/,
    /"concurency"/,
    /did you mean "concurrency"/,
  ],
  ["concurrency: '5'", receiver({ concurrency: "5" }), /concurrency/, /"5"/, /a whole number from 1/],
  ["path: 'work'", receiver({ path: "work" }), /path/, /"work"/, /begin it with a slash/],
  ["maxBodyBytes: '1mb'", receiver({ maxBodyBytes: "1mb" }), /maxBodyBytes/, /"1mb"/, /a number of bytes above 0/],
  ["allowIps: '10.0.0.1'", receiver({ allowIps: "10.0.0.1" }), /allowIps/, /"10\.0\.0\.1"/, /a list/],
  ["allowIps: ['all']", receiver({ allowIps: ["all"] }), /allowIps/, /"all"/, /an address, or a range/],
  ["allowIps: undefined", receiver({ allowIps: undefined }), /"allowIps"/, /undefined/, /Leave "allowIps" out/],
  ["carriers: ['sqsd']", receiver({ carriers: ["sqsd"] }), /carriers\[0\]/, /"sqsd"/, /sqsd\(…\)/],
  ["keepDead: true", receiver({ keepDead: true }), /keepDead/, /true/, /an async function/],
  ["log: true", receiver({ log: true }), /log/, /true/, /"stdout", "json", "pretty", "off" or a function/],
  ["events: {}", receiver({ events: {} }), /events/, /an object/, /an EventBus/],
  ["middleware: fn", receiver({ middleware: () => {} }), /middleware/, /a function/, /a list of functions/],
  ["maxLost: 0", receiver({ maxLost: 0 }), /maxLost/, /0/, /a whole number from 1/],
  [
    "signatures: { a: 'required' }",
    receiver({ signatures: { a: "required" } }),
    /signatures of a receiver/,
    /an object/,
    /one policy/,
  ],
  ["require: 'lease'", receiver({ require: "lease" }), /require/, /"lease"/, /give a list/],
  [
    "createRelay({ to: url })",
    to("redis://user:s3cret@h"),
    /`to` of this relay/,
    /string/,
    /await connectProducer\(url\)/,
  ],
  [
    "createRelay({ to: connect(url) })",
    () => createRelay({ keys, to: connect("memory:", { log: "off" }) } as Loose),
    /`to` of this relay/,
    /a promise/,
    /await connect\(url\)/,
  ],
  [
    "createIngress without keys",
    () => createIngress({} as Loose),
    /"keys" in the options of createIngress/,
    /undefined/,
    /`waybill keys` makes one/,
  ],
  [
    "sendOverHttp without to",
    () => sendOverHttp({ keys } as Loose),
    /"to" in the options of sendOverHttp/,
    /undefined/,
    /https:\/\/HOST\/work/,
  ],
  [
    "sendOverHttp({ to: 'x' })",
    () => sendOverHttp({ keys, to: "x" }),
    /the URL to push to/,
    /"x"/,
    /https:\/\/HOST\/PATH/,
  ],
  [
    "native without keys",
    () => native({} as Loose),
    /"keys" in the options of native/,
    /undefined/,
    /"whsec_" secrets/,
  ],
  ["native({ keys: 's3cret' })", () => native({ keys: "s3cret" }), /key ring/, /secret 1/, /"whsec_" and the base64/],
  ["sqsd without keys", () => sqsd({} as Loose), /"keys" in the options of sqsd/, /undefined/, /"unsigned"/],
  [
    "cloudTasks without audience",
    () => cloudTasks({} as Loose),
    /audience of cloudTasks/,
    /undefined/,
    /environment variable set/,
  ],
  [
    "cloudTasks({ serviceAccounts: 'a@b' })",
    () => cloudTasks({ audience: "x", serviceAccounts: "a@b" } as Loose),
    /serviceAccounts of cloudTasks/,
    /a text/,
    /a list of e-mail/,
  ],
  [
    "pubsub({ subscriptions: undefined })",
    () => pubsub({ audience: "a", serviceAccounts: ["x"], subscriptions: undefined }),
    /"subscriptions"/,
    /undefined/,
    /Leave "subscriptions" out/,
  ],
  ["qstash without currentKey", () => qstash({} as Loose), /currentKey of qstash/, /undefined/, /console shows both/],
  ["sns({ topics: ['x'] })", () => sns({ topics: ["x"] }), /topics of sns/, /"x"/, /arn:aws:sns/],
  [
    "eventBridge without keys",
    () => eventBridge({} as Loose),
    /keys of eventBridge/,
    /undefined/,
    /give at least one|Give at least one/,
  ],
  ["express: waybill({ keys })", () => waybill({ keys } as Loose), /endpoint to mount/, /an object/, /createReceiver/],
];

/** What is wrong about a backend's options, and in Nest. */
export const others: readonly Row[] = [
  [
    "watchTermination({ sources: [] })",
    () => watchTermination({ sources: [], stop() {} }),
    /sources/,
    /a list/,
    /\[ec2Spot\(\)\]/,
  ],
  [
    "watchTermination without stop",
    () => watchTermination({ sources: [ec2Spot()] } as Loose),
    /stop/,
    /undefined/,
    /worker\.stop\(reason\)/,
  ],
  [
    "ec2AutoScaling({ hook: '' })",
    () => ec2AutoScaling({ hook: "" }),
    /hook/,
    /""/,
    /name of the group's lifecycle hook/,
  ],
  [
    "ec2AutoScaling({ limit: 'long' })",
    () => ec2AutoScaling({ hook: "a", limit: "long" } as Loose),
    /limit/,
    /"long"/,
    /"30s"/,
  ],
  ["ec2Spot({ metadata: 'x' })", () => ec2Spot({ metadata: "x" }), /metadata/, /"x"/, /http:\/\/169\.254/],
  ["ecs({ expires: '3d' })", () => ecs({ busy: () => true, expires: "3d" }), /expires/, /4320/, /"1m" to "48h"/],
  ["ecs without busy", () => ecs({} as Loose), /busy/, /undefined/, /worker\.health\(\)\.running/],
  [
    "sqliteBackend({ path: undefined })",
    () => sqliteBackend({ path: undefined }),
    /path/,
    /undefined/,
    /environment variable set.*\.\/waybill\.db/,
  ],
  ["postgresBackend({})", () => postgresBackend({} as Loose), /url/, /undefined/, /postgres:\/\/user:password@host/],
  [
    "postgres: ?conections=8",
    () => connect("postgres://h/d?conections=8"),
    /parameter/,
    /"conections"/,
    /did you mean "connections"/,
  ],
  [
    "postgres: ?connections=1",
    () => connect("postgres://h/d?connections=1"),
    /connections/,
    /is 1/,
    /from 2.*: one listens/,
  ],
  [
    "postgresBackend({ pool }) without url",
    () => postgresBackend({ pool: {} } as Loose),
    /url/,
    /undefined/,
    /give both: one connection listens by the url/,
  ],
  ["sqsBackend({ region: undefined })", () => sqsBackend({ region: undefined }), /region/, /undefined/, /eu-west-1/],
  ["bullmqBackend({ url: 'x' })", () => bullmqBackend({ url: "x" }), /Redis URL/, /"x"/, /redis:\/\/host:6379/],
  [
    "rabbitmqBackend({ host })",
    () => rabbitmqBackend({ host: "h" } as Loose),
    /rabbitmqBackend/,
    /"host"/,
    /did you mean "hostname"/,
  ],
  [
    "rabbitmqBackend({ authMechanism: 'EXTERNAL' })",
    () => rabbitmqBackend({ authMechanism: "EXTERNAL" } as Loose),
    /authMechanism/,
    /"EXTERNAL"/,
    /"plain" or "external"/,
  ],
  [
    "sqsBackend({ endpoint: 'http://h', tls })",
    () => sqsBackend({ region: "eu-west-1", endpoint: "http://h", tls: {} }),
    /tls/,
    /is set/,
    /begin the endpoint with https:/,
  ],
  ["sqsHandler({})", () => sqsHandler({} as Loose), /jobs/, /undefined/, /\[sendReceipt\]/],
  [
    "sqsHandler({ keys: undefined })",
    () => sqsHandler({ jobs: [job], keys: undefined }),
    /"keys" in the options of sqsHandler/,
    /undefined/,
    /environment variable/,
  ],
  ["forFeature(job)", () => WaybillModule.forFeature(job as Loose), /forFeature/, /an object/, /\[sendReceipt\]/],
  [
    "forFeature(['a.b'])",
    () => WaybillModule.forFeature(["a.b"] as Loose),
    /forFeature got \[0\]/,
    /"a\.b"/,
    /defineJob/,
  ],
  ["@InjectJob('a.b')", () => InjectJob("a.b" as Loose), /@InjectJob/, /"a\.b"/, /defineJob/],
];
