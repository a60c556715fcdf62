import type { Lease, LeaseRequest } from "@waybill/core";
import { WaybillError } from "@waybill/core";
import { unavailable } from "./errors.ts";
import { createIntake, type Delivery, type Intake } from "./intake.ts";
import type { Link } from "./link.ts";

/** The leases of one queue: what is asked for, what has arrived, and who waits. */
export interface Line {
  lease(request: LeaseRequest): Promise<Lease[]>;
  /** Leases given out and not settled yet. */
  held(): number;
  /** Waiting calls end with nothing; what was delivered goes back. */
  close(): Promise<void>;
}

export interface LineSettings {
  readonly link: Link;
  /** Logical name. */
  readonly queue: string;
  /** Its name on the broker. */
  readonly work: string;
  /** Null: it cannot be leased, and is dealt with already. */
  readonly leaseOf: (delivery: Delivery) => Lease | null;
  readonly isClosed: () => boolean;
}

interface Waiter {
  readonly limit: number;
  readonly resolve: (leases: Lease[]) => void;
  readonly reject: (error: Error) => void;
}

/** What arrived and is not asked for within this time goes back to the broker: another worker may be idle. */
const UNTOUCHED_MS = 1_000;

export function createLine({ link, queue, work, leaseOf, isClosed }: LineSettings): Line {
  let intake: Intake | null = null;
  let opening: Promise<Intake> | null = null;
  let arrived: Lease[] = [];
  const waiters = new Set<Waiter>();
  let serving = false;
  let untouched: NodeJS.Timeout | null = null;

  function take(limit: number): Lease[] {
    return limit >= arrived.length ? arrived.splice(0) : arrived.splice(0, limit);
  }

  function serve(): void {
    serving = false;
    for (const waiter of waiters) {
      if (arrived.length === 0) break;
      waiter.resolve(take(waiter.limit));
    }
    watchIdle();
  }

  /** At the end of this turn, so that all that came in one piece from the socket is shared out together. */
  function serveSoon(): void {
    if (serving) return;
    serving = true;
    queueMicrotask(serve);
  }

  function fail(error: Error): void {
    for (const waiter of waiters) waiter.reject(error);
  }

  /** The broker may send what is waited for, and no more: a message in our hands is one nobody else can run. */
  function ask(): void {
    if (intake === null || waiters.size === 0) return;
    let missing = -intake.spare() - arrived.length;
    for (const waiter of waiters) missing += waiter.limit;
    if (missing <= 0) return;
    intake
      .grow(missing)
      .catch((error: unknown) => fail(unavailable(`"${work}" could not be read: ${String(error)}`, error)));
  }

  function watchIdle(): void {
    const idle = waiters.size === 0 && intake !== null && (arrived.length > 0 || intake.spare() > 0);
    if (!idle || untouched !== null) return;
    untouched = setTimeout(() => {
      untouched = null;
      if (waiters.size === 0) giveBack();
    }, UNTOUCHED_MS).unref();
  }

  function giveBack(): void {
    intake?.stop();
    for (const lease of arrived.splice(0)) putBack(lease.token as Delivery);
  }

  function putBack(delivery: Delivery): void {
    if (delivery.intake.alive) delivery.intake.putBack(delivery);
  }

  async function openIntake(): Promise<Intake> {
    const session = await link.session();
    await session.setup.queue(queue);
    const channel = await session.model.createChannel();
    const opened = createIntake(channel, work, {
      arrived(delivery) {
        const lease = leaseOf(delivery);
        if (lease === null) return;
        arrived.push(lease);
        serveSoon();
      },
      cancelled() {
        session.setup.forget(queue);
        session.setup.queue(queue).then(ask, fail);
      },
      died(error) {
        // Perhaps because the queue is gone: the next channel makes it again.
        session.setup.forget(queue);
        if (intake === opened) intake = null;
        arrived = arrived.filter((lease) => (lease.token as Delivery).intake.alive);
        fail(unavailable(`the connection to "${work}" was lost${error === null ? "" : ` (${error.message})`}`, error));
      },
    });
    if (isClosed()) await opened.close();
    else intake = opened;
    return opened;
  }

  function whenOpen(): Promise<Intake> {
    if (intake !== null) return Promise.resolve(intake);
    opening ??= openIntake().finally(() => (opening = null));
    return opening;
  }

  async function look(from: Intake, limit: number): Promise<Lease[]> {
    const found = take(limit);
    while (found.length < limit) {
      const delivery = await from.get();
      if (delivery === null) break;
      const lease = leaseOf(delivery);
      if (lease !== null) found.push(lease);
    }
    return found;
  }

  function wait({ limit, waitMs, signal }: LeaseRequest): Promise<Lease[]> {
    return new Promise((resolve, reject) => {
      const giveUp = (): void => waiter.resolve([]);
      const timer = setTimeout(giveUp, waitMs);
      const leave = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", giveUp);
        waiters.delete(waiter);
        watchIdle();
      };
      const waiter: Waiter = {
        limit,
        resolve(leases) {
          leave();
          resolve(leases);
        },
        reject(error) {
          leave();
          reject(error);
        },
      };
      signal.addEventListener("abort", giveUp, { once: true });
      waiters.add(waiter);
      ask();
    });
  }

  return {
    async lease(request) {
      const { signal, limit, waitMs } = request;
      if (signal.aborted) return [];
      if (arrived.length > 0) return take(limit);
      const from = intake ?? (await unlessAborted(whenOpen(), signal));
      if (from === null || isClosed() || signal.aborted) return [];
      if (arrived.length > 0) return take(limit);
      return waitMs > 0 ? wait(request) : look(from, limit);
    },
    held: () => (intake?.unsettled() ?? 0) - arrived.length,
    async close() {
      if (untouched !== null) clearTimeout(untouched);
      for (const waiter of waiters) waiter.resolve([]);
      giveBack();
      await (intake ?? (await opening?.catch(() => null)))?.close();
    },
  };
}

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | null> {
  return new Promise((resolve, reject) => {
    const stop = (): void => resolve(null);
    signal.addEventListener("abort", stop, { once: true });
    work
      .then(resolve, (thrown: unknown) => reject(asUnavailable(thrown)))
      .finally(() => signal.removeEventListener("abort", stop));
  });
}

function asUnavailable(thrown: unknown): Error {
  return thrown instanceof WaybillError
    ? thrown
    : unavailable(`the queue could not be opened: ${String(thrown)}`, thrown);
}
