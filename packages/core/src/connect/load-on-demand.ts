// Parts of a connection that most producers do not use. Each is loaded when an option needs it, so that a bundler puts it into
// a separate chunk.
import type { Backend, BackendFactory, Report } from "../backend/contract.ts";
import type { LedgerBackend } from "../backend/ledger.ts";
import type { BorrowedLedger } from "./open-ledger.ts";
import type { ProducerSeam, SeamSettings } from "../backend/producer-seam.ts";
import type { IdMemory } from "../features/once/id-memory.ts";
import type { Duration } from "../time/duration.ts";
import type { ProducerOptions } from "../producer/producer-options.ts";
import type { ExaminableBackend, ServerVersion } from "../backend/doctor.ts";
import type { EventBus } from "../observability/events.ts";
import type { LogOption, LogSink } from "../observability/log.ts";
import type { Sign } from "../producer/make-message.ts";
import type { KeyRing } from "../signing/key-ring.ts";
import type { ServerRanges } from "../backend/server-version.ts";

export async function logger(events: EventBus, option: LogOption = "stdout"): Promise<Pick<LogSink, "flush">> {
  return option === "off" ? { flush: async () => {} } : (await import("../observability/log.ts")).logTo(events, option);
}

export async function signer(secrets: ProducerOptions["keys"]): Promise<{ keys: KeyRing | null; sign: Sign }> {
  if (secrets === undefined) return { keys: null, sign: null };
  const { keyRing, signatureFor } = await import("../signing/key-ring.ts");
  const keys = keyRing(secrets);
  return { keys, sign: (id, body) => signatureFor(keys, id, body) };
}

/**
 * Returns a check of an open backend: its server's version against `services`, or where that is omitted against the
 * services that the package.json of the working directory declares, and its capabilities against `require`. The check
 * rejects with `CAPABILITY_MISSING` or `CONFIG_INVALID`.
 */
export async function backendCheck({
  services,
  require: required,
}: Pick<ProducerOptions, "services" | "require">): Promise<(backend: Backend) => Promise<void>> {
  const requirement = required && (await import("../backend/requirements.ts"));
  return async (backend) => {
    await judgeServer("doctor" in backend ? (backend as ExaminableBackend).doctor.server : null, services);
    requirement?.assertRequirements(
      required ?? [],
      requirement.offersOfBackend(backend),
      `the backend at ${backend.address}`,
    );
  };
}

/** Reads nothing from the disk where the code declares the services, or where the server has no version. */
async function judgeServer(server: ServerVersion | null, services: ServerRanges | undefined): Promise<void> {
  if (server === null && services === undefined) return;
  const { assertServerVersion } = await import("../backend/server-version.ts");
  assertServerVersion(services ?? (await (await import("./declared-servers.ts")).declaredServers(".")), server);
}

/** Whether a connection names a ledger of another backend, in its options or in its URL. */
export function borrowsLedger(target: string | BackendFactory, { ledger }: Pick<ProducerOptions, "ledger">): boolean {
  return ledger !== undefined || (typeof target === "string" && target.includes("ledger="));
}

/** Returns the seam by which jobs are enqueued: where the store may have an id twice, an id that was cancelled may be enqueued again. */
export async function withoutCancels<S extends ProducerSeam>(seam: S): Promise<S> {
  const { ledger, backend } = seam;
  if (ledger === null || backend.capabilities.uniqueIds) return seam;
  return (await import("../features/control/removed-cancels.ts")).withoutCancels(seam, ledger);
}

/** Returns the memory of finished ids, null where none is kept, and the seam by which jobs are then enqueued. */
export async function finishedIds<S extends ProducerSeam>(
  rememberIds: Duration | undefined,
  seam: S,
): Promise<{ readonly ids: IdMemory | null; readonly sending: S }> {
  if (rememberIds === undefined) return { ids: null, sending: seam };
  return (await import("./remember-id.ts")).rememberedIds(rememberIds, seam);
}

/** Returns the ledger of a connection: the one it borrows, else the backend's own; undefined where there is neither. */
export async function ledgerOfConnection(
  backend: Backend,
  borrowed: BorrowedLedger | null,
  timeoutMs: number,
): Promise<SeamSettings["ledger"]> {
  if (borrowed === null && !("ledger" in backend)) return undefined;
  if (borrowed !== null) return borrowed.seamFor(backend.name);
  return (await import("../backend/ledger-seam.ts")).ownLedgerSeam(backend, timeoutMs);
}

/** Returns the backend with unique keys: its own, else kept in the connection's ledger; unchanged where there is none. */
export async function withLedgerKeys(
  backend: Backend,
  borrowed: BorrowedLedger | null,
  report: Report,
): Promise<Backend> {
  if (backend.capabilities.uniqueKeys || (borrowed === null && !("ledger" in backend))) return backend;
  const ledger = borrowed?.seamFor(backend.name).ledger ?? (backend as LedgerBackend).ledger;
  return (await import("../features/unique/unique-backend.ts")).withUniqueKeys(backend, { ledger, report });
}
