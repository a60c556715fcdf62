import type { DemoFiles } from "../album.ts";
import type { WorkerReport } from "../job-event.ts";
import { mailAlbumReady } from "../jobs.ts";
import { openLedger, readLedger } from "../ledger.ts";
import { readReceipt, readReceipts } from "../receipt.ts";
import type { WebRecord } from "../records.ts";
import { type Board, createBoard } from "./board.ts";
import { createLive, type Live } from "./live.ts";
import { createWorkers } from "./workers.ts";

/** What the web process knows, on disk and in memory, and the browsers that watch it. */
export interface State {
  readonly board: Board;
  readonly live: Live;
  /** On disk once resolved; on the board and on its way to the browsers as well. */
  record(records: readonly WebRecord[]): Promise<void>;
  /** A worker's post. On disk before it resolves: then the worker forgets it. */
  report(report: WorkerReport): Promise<void>;
  /** A launcher saw this worker die. */
  workerExited(pid: number): void;
  /** Once a second: notices workers that have fallen silent. */
  tick(): void;
  close(): Promise<void>;
}

/** Rebuilds everything from the ledger, as it was when the last web process ended, however that was. */
export async function openState(files: DemoFiles, canKill: boolean): Promise<State> {
  const path = files.ledger("web");
  const board = createBoard();
  for (const each of await readLedger<WebRecord>(path)) board.apply(each);
  board.changes();
  const ledger = await openLedger<WebRecord>(path);
  const workers = createWorkers();
  const mails = await readReceipts(files);
  const live = createLive(board, workers, () => mails, canKill);
  const startedAt = Date.now();
  /** One post after the other: a post sent again while the first is being written is then known as old. */
  let reports: Promise<void> = Promise.resolve();

  async function record(records: readonly WebRecord[]): Promise<void> {
    await ledger.append(records);
    for (const each of records) board.apply(each);
    live.changed();
  }

  async function deliverMail(id: string): Promise<void> {
    if (mails.some((mail) => mail.id === id)) return;
    const receipt = await readReceipt(files, id);
    if (receipt === null) return;
    mails.push(receipt);
    live.changed({ mails: [receipt] });
  }

  function workerExited(pid: number): void {
    workers.exited(pid, Date.now());
    board.interrupt(pid);
    live.changed({ workers: workers.views() });
  }

  async function take({ pid, events }: WorkerReport): Promise<void> {
    const news = events.filter((event) => board.isNews(event));
    await record(news.map((event) => ({ kind: "event", at: event.at, event })));
    for (const event of news) {
      const isMail = event.type === mailAlbumReady.type && event.outcome === "completed";
      if (isMail) await deliverMail(event.id);
    }
    workers.heard(pid, Date.now());
    live.changed({ workers: workers.views() });
  }

  return {
    board,
    live,
    record,
    report: (post) =>
      (reports = reports.then(
        () => take(post),
        () => take(post),
      )),
    workerExited,
    tick() {
      for (const pid of workers.silent(Date.now())) workerExited(pid);
      interruptStrangers(
        board,
        new Set(
          workers
            .views()
            .filter((each) => each.isUp)
            .map((each) => each.pid),
        ),
        startedAt,
      );
    },
    async close() {
      live.close();
      await ledger.close();
    },
  };
}

/** After a restart: jobs said to run in workers nobody has heard of since are not running any more. */
function interruptStrangers(board: Board, alive: ReadonlySet<number>, startedAt: number): void {
  if (Date.now() - startedAt < 8_000) return;
  const strangers = board.jobs().filter((job) => job.state === "running" && job.pid !== null && !alive.has(job.pid));
  for (const pid of new Set(strangers.flatMap((job) => job.pid ?? []))) board.interrupt(pid);
}
