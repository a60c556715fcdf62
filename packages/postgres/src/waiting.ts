import { toError } from "@waybill/core";
import type { Lease, LeaseRequest, Report } from "@waybill/core/backend";
import type { Claim } from "./claim.ts";
import type { Upkeep } from "./upkeep.ts";

/** The lease calls that are not answered yet. Whoever waits also keeps the queues' time: see `Upkeep`. */
export interface Waiting {
  lease(request: LeaseRequest): Promise<Lease[]>;
  /** Something may be ready in the queue. */
  wake(queue: string): void;
  /** The time and the inbox are worth a look. */
  tend(): void;
  /** Hints were lost: everybody looks. */
  wakeAll(): void;
  /** Something will happen in `inMs`. */
  expect(inMs: number): void;
  /** Answers with nothing to all. Resolves once what their last looks brought is back. */
  dismiss(): Promise<void>;
}

/** One call of `lease`, from its beginning to its answer. */
interface Call {
  readonly request: LeaseRequest;
  /** On the monotonic clock. */
  readonly until: number;
  /** False once it was answered; then whatever is found goes back. */
  answer(leases: Lease[]): boolean;
  isOpen(): boolean;
  /** Set while the call waits for its next look. */
  look: (() => void) | null;
  /** A wake came while the call was looking. */
  lookAgain: boolean;
}

const WHAT = "end delays and leases, admit arrivals";
/** Looked at least this often by whoever waits: a hint may be lost, and another process's leases run out unannounced. */
const LOOK_MS = 1_000;
/** While jobs keep coming, ended delays and leases are still looked for this often. */
const TEND_MS = 250;

/** `pollMs` is asked at every tick: how often to look where nobody tells; Infinity where somebody does. */
export function createWaiting(claim: Claim, upkeep: Upkeep, pollMs: () => number, report: Report): Waiting {
  const calls = new Set<Call>();
  const serving = new Set<Promise<void>>();
  let timer: NodeJS.Timeout | null = null;
  let ringsAt = Infinity;

  function wake(queue: string): void {
    for (const call of calls) if (call.request.queue === queue) rouse(call);
  }

  function rouse(call: Call): void {
    if (call.look === null) call.lookAgain = true;
    else call.look();
  }

  /** Never rejects: a claim may succeed although, for want of a grant, the inbox cannot be read. */
  async function tend(): Promise<void> {
    try {
      for (const queue of await upkeep.tend()) wake(queue);
      report.succeeded(WHAT);
    } catch (thrown) {
      // Cut off by a close, it is no failure.
      if (calls.size > 0) report.failed(WHAT, toError(thrown));
    } finally {
      arm();
    }
  }

  function arm(): void {
    if (calls.size === 0) return;
    const at = performance.now();
    const pace = Math.min(pollMs(), LOOK_MS * (0.9 + Math.random() / 5));
    const ring = Math.max(Math.min(at + pace, upkeep.nextAt()), at);
    if (timer !== null && ring >= ringsAt) return;
    if (timer !== null) clearTimeout(timer);
    ringsAt = ring;
    // Timers may ring a fraction early, so round up.
    timer = setTimeout(tick, Math.ceil(ring - at));
  }

  function tick(): void {
    timer = null;
    if (calls.size === 0) return;
    const at = performance.now();
    const sinceTended = at - upkeep.lastAt();
    if (at >= upkeep.nextAt() || sinceTended >= Math.min(LOOK_MS / 2, 10 * pollMs())) void tend();
    for (const call of calls) call.look?.();
    arm();
  }

  async function serve(call: Call): Promise<void> {
    for (let first = true; call.isOpen(); first = false) {
      call.lookAgain = false;
      const isOverdue = performance.now() - upkeep.lastAt() >= TEND_MS;
      const tending = isOverdue ? tend() : null;
      const leases = await claim.take(call.request);
      if (leases.length > 0) {
        if (!call.answer(leases)) await putBack(call, leases);
        return;
      }
      // What was not ready before may be ready by now.
      if (first) await (tending ?? tend());
      if (call.lookAgain) continue;
      const left = call.until - performance.now();
      if (left <= 0) call.answer([]);
      else await nextLook(call, left);
    }
  }

  async function putBack({ request }: Call, leases: readonly Lease[]): Promise<void> {
    await claim.handBack(leases);
    wake(request.queue);
  }

  function nextLook(call: Call, endMs: number): Promise<void> {
    return new Promise((resolve) => {
      call.look = () => {
        call.look = null;
        clearTimeout(end);
        resolve();
      };
      const end = setTimeout(call.look, Math.ceil(endMs));
      arm();
    });
  }

  return {
    wake,
    tend: () => void tend(),
    wakeAll: () => calls.forEach(rouse),
    expect(inMs) {
      upkeep.expect(inMs);
      arm();
    },
    async dismiss() {
      for (const call of calls) call.answer([]);
      await Promise.all(serving);
    },
    lease(request) {
      if (request.signal.aborted) return Promise.resolve([]);
      return new Promise((resolve, reject) => {
        const abort = (): void => void call.answer([]);
        const close = (): boolean => {
          request.signal.removeEventListener("abort", abort);
          return calls.delete(call);
        };
        const call: Call = {
          request,
          until: performance.now() + request.waitMs,
          isOpen: () => calls.has(call),
          answer(leases) {
            if (!close()) return false;
            resolve(leases);
            call.look?.();
            return true;
          },
          look: null,
          lookAgain: false,
        };
        request.signal.addEventListener("abort", abort, { once: true });
        calls.add(call);
        const served = serve(call)
          .catch((thrown: unknown) => {
            // What could not be put back comes back when its lease ends; then nobody waits for this answer any more.
            if (close()) reject(toError(thrown));
          })
          .finally(() => serving.delete(served));
        serving.add(served);
      });
    },
  };
}
