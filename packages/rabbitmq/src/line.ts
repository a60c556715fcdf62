import type { Lease, LeaseRequest } from "@waybill/core/backend";
import { createArrivals } from "./arrivals.ts";
import { readError } from "./errors.ts";
import { createIntake, type Delivery, type Intake, type IntakeEvents } from "./intake.ts";
import type { Link, Session } from "./link.ts";
import { createWaiting, type Waiting } from "./waiting.ts";

/** The leases of one queue: what is asked for, what has arrived, and who waits. */
export interface Line {
  lease(request: LeaseRequest): Promise<Lease[]>;
  /** Leases given out and not settled yet. */
  held(): number;
  /** Waiting calls end with nothing. */
  dismiss(): void;
  /** What was delivered and not acked goes back. */
  close(): Promise<void>;
}

export interface LineSettings {
  readonly link: Link;
  /** Logical name. */
  readonly queue: string;
  /** Its name on the broker. */
  readonly work: string;
  readonly leaseOf: (delivery: Delivery) => Lease;
  /** Releases a lease that was never given out, uncounted. Never rejects. */
  readonly giveBack: (lease: Lease) => Promise<void>;
  readonly isClosed: () => boolean;
}

export function createLine({ link, queue, work, leaseOf, giveBack, isClosed }: LineSettings): Line {
  let intake: Intake | null = null;
  let opening: Promise<Intake> | null = null;
  const arrivals = createArrivals(
    () => waiting,
    () => intake,
    giveBack,
    ask,
  );
  const waiting: Waiting = createWaiting(() => arrivals.watch());

  /** The broker may send what is waited for, and no more: a message in our hands is one nobody else can run. */
  function ask(): void {
    if (intake === null) return;
    const missing = waiting.wanted() - intake.spare() - arrivals.size;
    if (missing > 0) intake.grow(missing).catch((error: unknown) => waiting.fail(readError(error, work)));
  }

  function eventsOf(session: Session): IntakeEvents {
    return {
      arrived(delivery) {
        arrivals.add(leaseOf(delivery));
      },
      cancelled() {
        session.setup.forget(queue);
        session.setup.queue(queue).then(ask, waiting.fail);
      },
      died(error) {
        // Perhaps because the queue is gone: the next channel makes it again.
        session.setup.forget(queue);
        if (intake?.alive === false) intake = null;
        arrivals.sweep();
        waiting.fail(readError(error, work));
      },
    };
  }

  async function open(): Promise<Intake> {
    const session = await link.session();
    await session.setup.queue(queue);
    const opened = createIntake(await session.model.createChannel(), work, session.pulse, eventsOf(session));
    if (isClosed()) await opened.close();
    else intake = opened;
    return opened;
  }

  function whenOpen(): Promise<Intake> {
    opening ??= open().finally(() => (opening = null));
    return opening;
  }

  async function look(from: Intake, limit: number): Promise<Lease[]> {
    const found = arrivals.take(limit);
    while (found.length < limit) {
      const delivery = await from.get();
      if (delivery === null) break;
      found.push(leaseOf(delivery));
    }
    return found;
  }

  return {
    async lease(request) {
      const { signal, limit, waitMs } = request;
      if (signal.aborted) return [];
      const from = intake ?? (await unlessAborted(whenOpen(), signal, work));
      if (from === null || isClosed() || signal.aborted) return [];
      if (arrivals.size > 0) return arrivals.take(limit);
      if (waitMs <= 0) return look(from, limit);
      const found = waiting.wait(request);
      ask();
      return found;
    },
    held: () => (intake?.unsettled() ?? 0) - arrivals.size,
    dismiss: () => waiting.dismiss(),
    async close() {
      await arrivals.giveBack();
      await (intake ?? (await opening?.catch(() => null)))?.close();
    },
  };
}

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal, name: string): Promise<T | null> {
  return new Promise((resolve, reject) => {
    const stop = (): void => resolve(null);
    signal.addEventListener("abort", stop, { once: true });
    work
      .then(resolve, (thrown: unknown) => reject(readError(thrown, name)))
      .finally(() => signal.removeEventListener("abort", stop));
  });
}
