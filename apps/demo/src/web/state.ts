import type { DemoFiles } from "../album.ts";
import type { WorkerReport } from "../job-event.ts";
import { mailAlbumReady } from "../jobs.ts";
import { openLedger, readLedger } from "../ledger.ts";
import { readReceipt, readReceipts } from "../receipt.ts";
import type { WebRecord } from "../records.ts";
import { type Board, createBoard } from "./board.ts";
import { createLive, type Live } from "./live.ts";
import { createWorkers } from "./workers.ts";

/** The state of the web process, on disk and in memory, and the connected browsers. */
export interface State {
  readonly board: Board;
  readonly live: Live;
  /** Writes the records to disk, applies them to the board and schedules an update of the browsers. */
  record(records: readonly WebRecord[]): Promise<void>;
  /** Handles a worker's post. Resolves once its events are on disk; the worker then removes them. */
  report(report: WorkerReport): Promise<void>;
  /** Called when the launcher saw this worker die. */
  workerExited(pid: number): void;
  /** Called once a second. Marks workers that stopped posting as gone. */
  tick(): void;
  close(): Promise<void>;
}

/** Rebuilds the state of the previous web process from the ledger, also after a crash. */
export async function openState(files: DemoFiles): Promise<State> {
  const path = files.ledger("web");
  const board = createBoard();
  for (const each of await readLedger<WebRecord>(path)) board.apply(each);
  board.changes();
  const ledger = await openLedger<WebRecord>(path);
  const workers = createWorkers();
  const mails = await readReceipts(files);
  const live = createLive(board, workers, () => mails);
  const startedAt = Date.now();
  /** Posts are handled one after another: one sent again while the first is being written is then recognized. */
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

  async function handleReport({ pid, events }: WorkerReport): Promise<void> {
    const fresh = events.filter((event) => board.isNew(event));
    await record(fresh.map((event) => ({ kind: "event", at: event.at, event })));
    for (const event of fresh) {
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
        () => handleReport(post),
        () => handleReport(post),
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

/** After a restart: marks running jobs as interrupted if their worker has not posted since. */
function interruptStrangers(board: Board, alive: ReadonlySet<number>, startedAt: number): void {
  if (Date.now() - startedAt < 8_000) return;
  const strangers = board.jobs().filter((job) => job.state === "running" && job.pid !== null && !alive.has(job.pid));
  for (const pid of new Set(strangers.flatMap((job) => job.pid ?? []))) board.interrupt(pid);
}
