import { isQueueName } from "../backend/foreign-records.ts";
import { WaybillError } from "../errors.ts";
import { limitsOf } from "../job/check-limits.ts";
import { keepResultMsOf } from "../job/result-options.ts";
import { describeValue } from "../known-options.ts";
import type { ConnectOptions } from "./connect-options.ts";

type Rule = readonly [name: keyof ConnectOptions, fits: (value: unknown) => boolean, write: string];

const isText = (value: unknown): boolean => typeof value === "string";

/** Options that are checked where they are used are not listed. */
const RULES: readonly Rule[] = [
  [
    "log",
    (log) => ["stdout", "json", "pretty", "off"].includes(log as string) || typeof log === "function",
    '"stdout", "json", "pretty", "off" or a function of (line)',
  ],
  [
    "maxBodyBytes",
    (bytes) => Number.isSafeInteger(bytes) && Number(bytes) > 0,
    "a whole number of bytes, such as 262_144",
  ],
  ["allowVolatile", (value) => typeof value === "boolean", "true or false"],
  ["source", isText, 'a text, such as "/services/orders"'],
  ["role", isText, 'a text, such as "worker"'],
  ["version", isText, "a text, such as a release or a commit"],
  [
    "queues",
    (queues) => Array.isArray(queues) && queues.length <= 1_000 && queues.every((name) => isQueueName(name)),
    'a list of at most 1,000 names of queues, such as ["mailers"]: a-z, 0-9, dots and hyphens within',
  ],
  ["require", Array.isArray, 'a list, such as ["durable"]'],
  [
    "services",
    (value) => typeof value === "object" && value !== null,
    'ranges by product, such as { redis: ">=6.2 <8" }',
  ],
  ["telemetry", (value) => typeof value === "object", "telemetry() of @waybill/core/otel"],
];

/** Throws `CONFIG_INVALID` for an invalid option, with its value and what to write. */
export function checkConnectOptions(options: ConnectOptions): void {
  for (const job of options.jobs ?? []) {
    limitsOf(job);
    keepResultMsOf(job);
  }
  for (const [name, fits, write] of RULES) {
    const value: unknown = options[name];
    if (value === undefined || fits(value)) continue;
    throw new WaybillError("CONFIG_INVALID", `${name} of the connection is ${describeValue(value)}: give ${write}`);
  }
}
