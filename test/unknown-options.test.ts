import { expect, test } from "vitest";
import { bullmqBackend } from "@waybill/bullmq";
import { connect } from "@waybill/core";
import { basicAuth, createDashboard } from "@waybill/dashboard";
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
import { ec2AutoScaling, ec2Spot, ecs, watchTermination } from "@waybill/platforms";
import { postgresBackend } from "@waybill/postgres";
import { rabbitmqBackend } from "@waybill/rabbitmq";
import { sqliteBackend } from "@waybill/sqlite";
import { sqsBackend } from "@waybill/sqs";
import { globSync, readFileSync } from "node:fs";
import { read, root } from "./workspace.ts";

/** Each function that takes options, its own name for them, one that is misspelled, and the one that was meant. */
const takers: readonly (readonly [of: string, call: (options: never) => unknown, given: string, meant: string])[] = [
  ["sqliteBackend", sqliteBackend, "busyTimeout", "busyTimeoutMs"],
  ["bullmqBackend", bullmqBackend, "prefx", "prefix"],
  ["postgresBackend", postgresBackend, "conections", "connections"],
  ["rabbitmqBackend", rabbitmqBackend, "host", "hostname"],
  ["sqsBackend", sqsBackend, "atributes", "attributes"],
  ["createDashboard", createDashboard, "readonly", "readOnly"],
  ["basicAuth", basicAuth, "pasword", "password"],
  ["createReceiver", createReceiver, "concurency", "concurrency"],
  ["createRelay", createRelay, "allowIp", "allowIps"],
  ["createIngress", createIngress, "key", "keys"],
  ["sendOverHttp", sendOverHttp, "timeout", "inactivityTimeout"],
  ["cloudTasks", cloudTasks, "audiences", "audience"],
  ["eventBridge", eventBridge, "key", "keys"],
  ["native", native, "tolerence", "tolerance"],
  ["pubsub", pubsub, "subscription", "subscriptions"],
  ["qstash", qstash, "currentKeys", "currentKey"],
  ["sns", sns, "topic", "topics"],
  ["watchTermination", watchTermination, "source", "sources"],
  ["ec2AutoScaling", ec2AutoScaling, "hok", "hook"],
  ["ec2Spot", ec2Spot, "rebalanc", "rebalance"],
  ["ecs", ecs, "expire", "expires"],
  ["sqsd", sqsd, "periodc", "periodic"],
];

test.each(takers)(
  "%s refuses an option that does not exist, with the nearest one that does",
  async (of, call, given, meant) => {
    const used = async (): Promise<unknown> => call({ [given]: 1 } as never);
    const message = expect.stringMatching(
      new RegExp(`^the options of ${of} have no "${given}"; did you mean "${meant}"\\?$`),
    );
    await expect(used()).rejects.toMatchObject({ code: "CONFIG_INVALID", message });
  },
);

test.each(takers)("%s refuses options that are none", async (_, call) => {
  for (const none of [null, 7, "url", []]) {
    const used = async (): Promise<unknown> => call(none as never);
    await expect(used()).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  }
});

test("a filter of dead letters that is misspelled drops nothing", async () => {
  const jobs = await connect("memory:", { log: "off" });
  const drop = jobs.inspector?.drop as (query: object) => Promise<number>;
  await expect(drop({ ide: [] })).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  const wrong = { type: 7, code: null, queue: ["a"], ids: "a", since: "2h", limit: "5" };
  for (const [name, value] of Object.entries(wrong)) {
    const message = expect.stringMatching(new RegExp(`^${name}, a filter of dead letters, is .*: pass `));
    await expect(drop({ [name]: value })).rejects.toMatchObject({ code: "CONFIG_INVALID", message });
  }
  await expect(drop({ since: new Date() })).rejects.toThrow(/pass Unix milliseconds/);
  await jobs.close();
});

/** Options whose table of names has another name, or is written where it is used; and what has none, with the reason. */
const elsewhere: Readonly<Record<string, string>> = {
  BasicAuthOptions: '"the options of basicAuth"',
  BatchItem: "`the options of addFlow of",
  EndpointOptions: "OptionNames<ReceiverOptions>",
  FeatureOptions: '"the options of WaybillModule.forFeature"',
  GaugeOptions: '"the options of exportGauges"',
  HandlerRegistryOptions: "for packages that run jobs, not for programs",
  Harness: "for authors of backends: the suite calls each member",
  EnqueueItem: "itemFault",
  OidcOptions: "OptionNames<CloudTasksOptions>",
  OnceOptions: '"the options of once"',
  RecordLimits: "for backends, which core calls",
  ResultJobOptions: "JOB_OPTIONS",
  ResultOptions: '"the options of result"',
  ScheduledOptions: "defineSchedule({ payload: null, ...options",
  ScheduleOptions: "OptionNames<AllOptions>",
  WatchOptions: '"the options of watch"',
  WaybillAsyncOptions: '"the options of WaybillModule.forRootAsync"',
  WholeNumberLimits: "for authors of backends",
};

test("every options interface of docs/api.md is read by a table of its names, which refuses any other", () => {
  const sections = read("docs/api.md")
    .split(/^### Options of .*$/m)
    .slice(1);
  const named = sections.flatMap((text) =>
    [...text.split(/^## /m)[0]!.matchAll(/^\*\*(\w+)\*\* /gm)].map(([, name]) => name!),
  );
  expect(named.length).toBeGreaterThan(50);
  const sources = globSync("packages/*/src/**/*.ts", { cwd: root })
    .map((path) => readFileSync(`${root}/${path}`, "utf8"))
    .join("\n");
  const unread = named.filter((name) => {
    const other = elsewhere[name];
    if (other !== undefined) return !other.startsWith("for ") && !sources.includes(other);
    return !new RegExp(`OptionNames<[^;]*\\b${name}\\b`).test(sources);
  });
  expect(unread).toEqual([]);
});
