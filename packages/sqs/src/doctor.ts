import type { Doctor, Finding } from "@waybill/core";
import { maskUrl } from "@waybill/core/backend";
import { type Settings, settingsOf } from "./options.ts";
import type { Queue, Queues } from "./queues.ts";

const FOURTEEN_DAYS_MS = 1_209_600_000;
const DAY_MS = 86_400_000;
const SHOWN = ["region", "prefix", "fifo", "endpoint", "create", "queues", "pollSeconds", "md5"] as const;

/** What can be told of the queues that this connection has found so far, and those named in `queues`. */
export function createDoctor(queues: Queues, settings: Settings): Doctor {
  const { region, prefix, endpoint } = settings;
  const defaults = settingsOf({ region, ...(endpoint !== null && { endpoint }) });
  const isGiven = (name: (typeof SHOWN)[number]): boolean =>
    name === "region" || (name === "endpoint" ? endpoint !== null : String(settings[name]) !== String(defaults[name]));
  return {
    server: null,
    settings: SHOWN.map((name) => {
      const value = name === "endpoint" && endpoint !== null ? maskUrl(endpoint) : settings[name];
      return { name, value: typeof value === "object" ? value && value.join(",") : value, given: isGiven(name) };
    }),
    async checks() {
      const found = await queues.known();
      const letters = await queues.deadCount();
      return [
        deadLetters(queues.dead, letters),
        ...found.flatMap((queue) => [redrive(queue, prefix), retention(queue)]),
      ];
    },
  };
}

function deadLetters({ name }: Queue, count: number): Finding {
  return {
    check: "sqs.dead_letters",
    severity: count === 0 ? "ok" : "note",
    message: `the dead-letter queue "${name}" is there; letters in it: ${count}`,
    wayOut: count === 0 ? null : "look at them: waybill dead list",
  };
}

function redrive({ name, redrives }: Queue, prefix: string): Finding {
  return {
    check: "sqs.redrive",
    severity: redrives ? "ok" : "warning",
    message: redrives
      ? `"${name}" gives a message up after 100 deliveries or more, into a queue that is there`
      : `"${name}" has no RedrivePolicy: a message that no worker can take stays until its retention ends`,
    wayOut: redrives ? null : `set a RedrivePolicy into "${prefix}_dead" with a maxReceiveCount of 1000`,
  };
}

function retention({ name, retentionMs }: Queue): Finding {
  const days = Math.round((retentionMs / DAY_MS) * 10) / 10;
  const longest = retentionMs >= FOURTEEN_DAYS_MS;
  return {
    check: "sqs.retention",
    severity: longest ? "ok" : "warning",
    message: `"${name}" keeps messages for ${days} days (MessageRetentionPeriod); what waits longer is deleted unseen`,
    wayOut: longest ? null : "set MessageRetentionPeriod to 1209600, which is the longest",
  };
}
