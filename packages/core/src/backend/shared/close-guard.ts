import type { Backend } from "../contract.ts";
import { WaybillError } from "../../errors.ts";

type VerbName = "enqueue" | "lease" | "ack" | "retry" | "deadLetter" | "extend";
type Verb<Name extends VerbName> = (
  ...given: Parameters<Backend[Name]>
) => ReturnType<Backend[Name]> | Awaited<ReturnType<Backend[Name]>>;

/** The verbs of a backend but `close`. Each may return its result or a promise of it. */
export type BackendVerbs = { readonly [Name in VerbName]: Verb<Name> };

/** Whether one connection is closed, and what follows from that. */
export interface CloseGuard {
  /** True from the first call of `close`, before its work has ended. */
  readonly isClosed: boolean;
  /** Throws `BACKEND_CLOSED` once `close` was called. */
  assertOpen(): void;
  /** Returns the verbs, each of which rejects `BACKEND_CLOSED` once `close` was called. Never throws. */
  verbs(verbs: BackendVerbs): Pick<Backend, VerbName>;
  /** Closes the connection. Every further call returns the promise of the first. */
  close(): Promise<void>;
}

/** Guards a connection against use after its end. `close` is called once. Never throws. */
export function createCloseGuard(address: string, close: () => Promise<void>): CloseGuard {
  let closing: Promise<void> | undefined;
  let isClosed = false;

  function assertOpen(): void {
    if (isClosed) throw new WaybillError("BACKEND_CLOSED", `${address} was closed; connect again to use it`);
  }

  const guarded =
    <Given extends unknown[], T>(verb: (...given: Given) => T | Promise<T>) =>
    async (...given: Given): Promise<T> => {
      assertOpen();
      return verb(...given);
    };

  return {
    get isClosed() {
      return isClosed;
    },
    assertOpen,
    verbs: ({ enqueue, lease, ack, retry, deadLetter, extend }) => ({
      enqueue: guarded(enqueue),
      lease: guarded(lease),
      ack: guarded(ack),
      retry: guarded(retry),
      deadLetter: guarded(deadLetter),
      extend: guarded(extend),
    }),
    close() {
      isClosed = true;
      return (closing ??= close());
    },
  };
}
