import { type Doctor, type Finding, WaybillError } from "@waybill/core";
import { maskUrl } from "@waybill/core/backend";
import { type Settings, settingsOf } from "./options.ts";
import type { Queue, Queues } from "./queues.ts";

const FOURTEEN_DAYS_MS = 1_209_600_000;
const DAY_MS = 86_400_000;
/** The most that SQS lets MaximumMessageSize be. */
const MOST_BYTES = 1_048_576;
const SHOWN = ["region", "prefix", "fifo", "endpoint", "create", "queues", "pollSeconds", "md5"] as const;

/** What can be told of the queues that this connection has found so far, and those named in `queues`. */
export function createDoctor(queues: Queues, settings: Settings): Doctor {
  const { region, endpoint, fifo } = settings;
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
      const [dead, ...found] = await queues.known();
      const target = dead instanceof WaybillError ? queues.dead : dead;
      const ofDead =
        dead instanceof WaybillError
          ? [unfit(dead)]
          : [deadLetters(dead, await queues.deadCount()), ...kept(dead, fifo)];
      const ofOthers = found.flatMap((queue) =>
        queue instanceof WaybillError
          ? unfit(queue)
          : [redrive(queue, target), size(queue, target), ...kept(queue, fifo)],
      );
      return [...ofDead, ...ofOthers];
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

/** How long any queue of ours keeps a message, and from when on. */
const kept = (queue: Queue, fifo: boolean): Finding[] => [retention(queue), ...(fifo ? [delay(queue)] : [])];

/** Gone, or with a RedrivePolicy that would have been refused at the start. */
function unfit({ message }: WaybillError): Finding {
  return { check: "sqs.queue", severity: "failure", message, wayOut: null };
}

function redrive({ name, redrivesTo }: Queue, dead: Queue): Finding {
  const wayOut = `set a RedrivePolicy into "${dead.name}" with a maxReceiveCount of 1000`;
  if (redrivesTo === null) {
    const message = `"${name}" has no RedrivePolicy: a message that no worker can take stays until its retention ends`;
    return { check: "sqs.redrive", severity: "warning", message, wayOut };
  }
  if (redrivesTo !== dead.name) {
    const message = `"${name}" gives messages up into "${redrivesTo}", where waybill does not look for dead letters`;
    return { check: "sqs.redrive", severity: "warning", message, wayOut };
  }
  const message = `"${name}" gives a message up after 100 deliveries or more, into "${dead.name}"`;
  return { check: "sqs.redrive", severity: "ok", message, wayOut: null };
}

function size({ name, maxBytes }: Queue, dead: Queue): Finding {
  const message = `"${name}" takes messages of up to ${maxBytes} bytes (MaximumMessageSize), "${dead.name}" of up to ${dead.maxBytes}`;
  if (dead.maxBytes < maxBytes) {
    const wayOut = `set MaximumMessageSize of "${dead.name}" to ${maxBytes}: larger jobs cannot be put aside there`;
    return { check: "sqs.size", severity: "warning", message, wayOut };
  }
  const largest = maxBytes >= MOST_BYTES;
  return {
    check: "sqs.size",
    severity: largest ? "ok" : "note",
    message,
    wayOut: largest ? null : `larger jobs are refused at enqueue: set both to ${MOST_BYTES}, which is the most`,
  };
}

/** A FIFO queue takes no delay of a message, so that of the queue holds for all of them. */
function delay({ name, delaySeconds }: Queue): Finding {
  return {
    check: "sqs.delay",
    severity: delaySeconds === 0 ? "ok" : "warning",
    message: `"${name}" holds every message back for ${delaySeconds} s (DelaySeconds)`,
    wayOut: delaySeconds === 0 ? null : "set DelaySeconds to 0: a FIFO queue takes no delay of a message's own",
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
