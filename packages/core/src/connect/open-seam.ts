import type { Backend, BackendContext, BackendFactory } from "../backend/contract.ts";
import type { ProducerSeam, SeamSettings } from "../backend/producer-seam.ts";
import { WaybillError } from "../errors.ts";
import type { EventBus } from "../observability/events.ts";
import type { BorrowedLedger } from "./open-ledger.ts";

/** How a connection that leases differs from one that only enqueues. */
export interface Half<S extends ProducerSeam> {
  /**
   * Returns what the backend is opened with. `capabilities` returns those of the open backend, and throws `CONFIG_INVALID`
   * before it is open. `events` gets what the backend reports.
   */
  readonly context: (capabilities: () => Backend["capabilities"], events: EventBus) => BackendContext;
  readonly seam: (backend: Backend, settings: SeamSettings) => S;
}

export interface Opening<S extends ProducerSeam> {
  readonly factory: BackendFactory;
  readonly half: Half<S>;
  readonly events: EventBus;
  /** The ledger that it borrows, already being opened; null for none. */
  readonly borrowed: BorrowedLedger | null;
  /** Adds what core keeps for a backend in its ledger. */
  readonly complete: (backend: Backend, context: BackendContext) => Promise<Backend>;
  /** Rejects for a backend that cannot do what this program needs. */
  readonly check: (backend: Backend) => Promise<void>;
  /** Returns the settings of the seam. Called once the backend is open. */
  readonly settings: (backend: Backend) => Promise<SeamSettings>;
}

/** Opens the backend and returns its seam, which alone keeps the backend. When anything rejects, nothing stays open. */
export async function openSeam<S extends ProducerSeam>(opening: Opening<S>): Promise<S> {
  const { factory, half, events, borrowed, complete, check, settings } = opening;
  let opened: Backend | null = null;
  const capabilities = (): Backend["capabilities"] => {
    if (opened !== null) return opened.capabilities;
    throw new WaybillError("CONFIG_INVALID", "a backend may admit messages only once it is open");
  };
  let backend: Backend | null = null;
  try {
    const context = half.context(capabilities, events);
    backend = await factory(context);
    backend = await complete(backend, context);
    opened = backend;
    await check(backend);
    await borrowed?.ready();
    return half.seam(backend, await settings(backend));
  } catch (thrown) {
    // A connection left open would keep the process alive.
    await Promise.all([backend?.close(), borrowed?.close()]);
    throw thrown;
  }
}
