import type { LeaseRequest } from "../backend/contract.ts";
import type { ControlWatch } from "../features/control/control-watch.ts";

/** Keeps one lease loop from leasing what is paused. */
export interface PauseGate {
  /** Whether the queue of the loop is paused. */
  isPaused(): boolean;
  /** Resolves once it is not, or when the worker stops. */
  whenOpen(): Promise<void>;
  /** The part of a lease call that a pause changes. Its signal aborts when the worker stops, and when the call would lease what is paused by then. */
  request(): Pick<LeaseRequest, "signal" | "excludeTypes">;
}

export interface PauseGateSettings {
  /** Null without a ledger: nothing is ever paused. */
  readonly control: Pick<ControlWatch, "isPaused" | "pausedTypes" | "onChange"> | null;
  /** Whether the backend leaves paused types where they are. */
  readonly excludesTypes: boolean;
  readonly queue: string;
  /** Aborts when the worker stops. */
  readonly signal: AbortSignal;
}

export function createPauseGate(settings: PauseGateSettings): PauseGate {
  const { control, excludesTypes, queue, signal } = settings;
  if (control === null) {
    const request = { signal };
    return { isPaused: () => false, whenOpen: () => Promise.resolve(), request: () => request };
  }
  const isPaused = (): boolean => control.isPaused(queue);
  let call = new AbortController();
  let excluded = control.pausedTypes;
  let open = (): void => {};

  function renew(): void {
    call.abort();
    call = new AbortController();
    excluded = control?.pausedTypes ?? [];
  }
  const unsubscribe = control.onChange(() => {
    if (isPaused() || excluded !== control.pausedTypes) renew();
    open();
  });
  signal.addEventListener(
    "abort",
    () => {
      unsubscribe();
      call.abort();
      open();
    },
    { once: true },
  );

  return {
    isPaused,
    async whenOpen() {
      while (isPaused() && !signal.aborted) await new Promise<void>((resolve) => (open = resolve));
    },
    request: () => ({
      signal: signal.aborted ? signal : call.signal,
      ...(excludesTypes && excluded.length > 0 && { excludeTypes: excluded }),
    }),
  };
}
