import type { LiveWorker, QueueCounts } from "@waybill/core";
import { span } from "./duration-text.ts";
import { bold } from "./style.ts";
import { type Column, table } from "./table.ts";

/** What one look at the backend found. */
export interface Look {
  /** Monotonic milliseconds. */
  readonly at: number;
  readonly queues: readonly QueueCounts[];
  /** Null where the backend keeps no list of its workers. */
  readonly workers: readonly LiveWorker[] | null;
}

interface QueueRow extends QueueCounts {
  /** Change of the jobs that are not dead, per second. Null on the first look. */
  readonly perSecond: number | null;
  /** Null: not known. */
  readonly live: number | null;
}

const LONGEST_NAME = 24;

const queueColumns: readonly Column<QueueRow>[] = [
  { title: "QUEUE", text: ({ queue }) => cut(queue) },
  { title: "READY", text: ({ ready }) => String(ready), align: "right" },
  { title: "DELAYED", text: ({ delayed }) => String(delayed), align: "right" },
  { title: "LEASED", text: ({ leased }) => String(leased), align: "right" },
  { title: "DEAD", text: ({ dead }) => String(dead), align: "right" },
  { title: "OLDEST", text: ({ oldestWaitMs }) => (oldestWaitMs === null ? "-" : span(oldestWaitMs)), align: "right" },
  { title: "NET/S", text: ({ perSecond }) => signed(perSecond), align: "right" },
  { title: "WORKERS", text: ({ live }) => (live === null ? "-" : String(live)), align: "right" },
];

const workerColumns: readonly Column<LiveWorker>[] = [
  { title: "WORKER", text: ({ id }) => cut(id) },
  { title: "QUEUES", text: ({ queues }) => cut(queues.join(",")) },
  { title: "RUNNING", text: ({ running, concurrency }) => `${running} of ${concurrency}`, align: "right" },
  { title: "HEARD", text: ({ heardMs }) => `${span(heardMs)} ago`, align: "right" },
];

/** Returns the tables of one look: the queues with the most jobs first, then the workers. `before`: the look that rates are since. */
export function topText(look: Look, before: Look | null, width: number): string {
  const queues = look.queues
    .map((counts) => ({ ...counts, perSecond: changeOf(counts, look, before), live: liveOf(counts, look) }))
    .sort((one, other) => openOf(other) - openOf(one));
  const slots = sum(look.workers ?? [], ({ concurrency }) => concurrency);
  const running = sum(look.workers ?? [], ({ running: its }) => its);
  const total =
    look.workers === null ? "workers unknown" : `${look.workers.length} workers, ${running} of ${slots} slots`;
  const summary = `${sum(queues, ({ ready }) => ready)} ready, ${sum(queues, ({ leased }) => leased)} leased, ${total}`;
  const workers = look.workers ?? [];
  return [
    bold(summary),
    "",
    queues.length === 0 ? "No queue has a job." : table(queueColumns, queues, width),
    "",
    workers.length === 0 ? "No worker is listed." : table(workerColumns, workers, width),
  ].join("\n");
}

function changeOf(counts: QueueCounts, look: Look, before: Look | null): number | null {
  if (before === null || look.at <= before.at) return null;
  const earlier = before.queues.find(({ queue }) => queue === counts.queue);
  return ((openOf(counts) - (earlier ? openOf(earlier) : 0)) * 1_000) / (look.at - before.at);
}

const liveOf = ({ queue }: QueueCounts, { workers }: Look): number | null =>
  workers && workers.filter(({ queues }) => queues.includes(queue)).length;

const openOf = ({ ready, delayed, leased }: QueueCounts): number => ready + delayed + leased;

function signed(perSecond: number | null): string {
  if (perSecond === null) return "-";
  const rounded = Math.abs(perSecond) < 10 ? Math.round(perSecond * 10) / 10 : Math.round(perSecond);
  return rounded > 0 ? `+${rounded}` : String(rounded || 0);
}

/** Keeps the end of a long name as well: workers of one host differ there. */
const cut = (text: string): string =>
  text.length <= LONGEST_NAME ? text : `${text.slice(0, 12)}…${text.slice(13 - LONGEST_NAME)}`;

function sum<Row>(rows: readonly Row[], of: (row: Row) => number): number {
  return rows.reduce((total, row) => total + of(row), 0);
}
