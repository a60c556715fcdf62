import { type Doctor, type Finding, WaybillError } from "@waybill/core";
import { maskUrl } from "@waybill/core/backend";
import { fifoCapabilities, standardCapabilities } from "./capabilities.ts";
import type { Send } from "./client/client.ts";
import { clockFindings } from "./client/server-clock.ts";
import { type Settings, settingsOf } from "./options.ts";
import type { Queue, Queues } from "./queues/queues.ts";

const FOURTEEN_DAYS_MS = 1_209_600_000;
const DAY_MS = 86_400_000;
/** The largest MaximumMessageSize that SQS allows. */
const MOST_BYTES = 1_048_576;
const SHOWN = ["region", "prefix", "fifo", "endpoint", "create", "queues", "pollSeconds", "md5"] as const;

/** Checks the queues that this connection has found so far, and those of the option `queues`. */
export function createDoctor(queues: Queues, settings: Settings, send: Send): Doctor {
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
      const { maxDelayMs } = fifo ? fifoCapabilities : standardCapabilities;
      const [dead, ...found] = await queues.known();
      const isFound = !(dead instanceof WaybillError);
      const target = isFound ? dead : queues.dead;
      const ofDead = isFound ? [deadLetters(dead, await queues.deadCount()), ...waits(dead, fifo, 0)] : [unfit(dead)];
      const ofOthers = found.flatMap((queue) =>
        queue instanceof WaybillError
          ? unfit(queue)
          : [redrive(queue, target), size(queue, target), ...waits(queue, fifo, maxDelayMs), ...letters(queue, target)],
      );
      const clock = isFound ? await clockFindings(send, dead.url) : [];
      return [...ofDead, ...ofOthers, ...clock];
    },
  };
}

/** `remedy`: null where nothing is to be done. */
const finding = (check: string, severity: Finding["severity"], message: string, remedy: string | null): Finding => ({
  check: `sqs.${check}`,
  severity,
  message,
  remedy,
});

/** A queue that is missing, or has a RedrivePolicy that is refused at the start. */
const unfit = ({ message }: WaybillError): Finding => finding("queue", "failure", message, null);

function deadLetters({ name }: Queue, count: number): Finding {
  const message = `the dead-letter queue "${name}" exists and has ${count} letters`;
  if (count === 0) return finding("dead_letters", "ok", message, null);
  return finding("dead_letters", "note", message, 'list them with "waybill dead list"');
}

function redrive({ name, redrivesTo, redrivesAfter }: Queue, dead: Queue): Finding {
  if (redrivesTo === dead.name) {
    const message = `"${name}" moves a message into "${dead.name}" after ${redrivesAfter} deliveries; a worker's maxLost (default 20) must be well below`;
    return finding("redrive", "ok", message, null);
  }
  const message =
    redrivesTo === null
      ? `"${name}" has no RedrivePolicy: a message that no worker can process stays until its retention ends`
      : `"${name}" moves messages into "${redrivesTo}", where waybill does not look for dead letters`;
  const remedy = `set a RedrivePolicy into "${dead.name}" with a maxReceiveCount of 1000`;
  return finding("redrive", "warning", message, remedy);
}

function size({ name, maxBytes }: Queue, dead: Queue): Finding {
  const message = `"${name}" accepts messages of up to ${maxBytes} bytes (MaximumMessageSize), "${dead.name}" of up to ${dead.maxBytes}`;
  if (dead.maxBytes < maxBytes) {
    const remedy = `set MaximumMessageSize of "${dead.name}" to ${maxBytes}: larger jobs cannot be dead-lettered`;
    return finding("size", "warning", message, remedy);
  }
  if (maxBytes >= MOST_BYTES) return finding("size", "ok", message, null);
  const remedy = `set both to ${MOST_BYTES}, the largest size; larger jobs are refused at enqueue`;
  return finding("size", "note", message, remedy);
}

const span = (ms: number): string => (ms >= DAY_MS ? `${ms / DAY_MS} days` : `${ms / 60_000} minutes`);

/** A message that SQS itself moves from a standard queue keeps its age, and is deleted by the retention of the dead-letter queue. */
function letters({ name, retentionMs, redrivesTo }: Queue, dead: Queue): Finding[] {
  if (redrivesTo !== dead.name || dead.retentionMs >= retentionMs) return [];
  const message = `"${dead.name}" keeps messages for less time than "${name}": one that SQS moves there after a long wait is deleted at once`;
  const remedy = `set MessageRetentionPeriod of "${dead.name}" to 1209600, the longest`;
  return [finding("dead_retention", "warning", message, remedy)];
}

/** What a queue does to messages that wait, at most for `longestMs` by a delay. A FIFO message cannot have a delay of its own, so its queue must have none. */
function waits({ name, retentionMs, delaySeconds }: Queue, fifo: boolean, longestMs: number): Finding[] {
  const days = Math.round((retentionMs / DAY_MS) * 10) / 10;
  const kept = `"${name}" keeps messages for ${days} days (MessageRetentionPeriod); messages that wait longer are deleted`;
  const longest = "set MessageRetentionPeriod to 1209600, the longest";
  const retention =
    retentionMs >= FOURTEEN_DAYS_MS
      ? finding("retention", "ok", kept, null)
      : retentionMs > longestMs
        ? finding("retention", "warning", kept, longest)
        : finding("retention", "failure", `${kept}, also delayed ones: a delay may be ${span(longestMs)}`, longest);
  if (!fifo) return [retention];
  const delayed = `"${name}" delays every message for ${delaySeconds} s (DelaySeconds)`;
  const delay =
    delaySeconds === 0
      ? finding("delay", "ok", delayed, null)
      : finding("delay", "warning", delayed, "set DelaySeconds to 0: it applies to every message of a FIFO queue");
  return [retention, delay];
}
