import type {
  InspectableBackend,
  JobControlBackend,
  LedgerBackend,
  RecordStoreBackend,
  WorkerRegistryBackend,
} from "@waybill/core/backend";
import type { Inbox } from "./inbox.ts";

/** The memory backend, as the rules see it. */
export type Whole = InspectableBackend &
  WorkerRegistryBackend &
  LedgerBackend &
  RecordStoreBackend &
  Partial<JobControlBackend> & {
    /** For a defect in what happens to arrivals. */
    readonly inbox?: (good: Inbox) => Partial<Inbox>;
  };

/** What a defect replaces on one open backend; `good` is the backend as it should be. */
export type Spoil = (good: Whole, connection: number) => Partial<Whole>;

export interface Defect {
  /** What its author did. */
  readonly defect: string;
  /** The one rule that sees it. */
  readonly seenBy: string;
  /** Which limits the memory backend is kept to; all it has, if absent. */
  readonly profile?: string;
  /** The store is given an inbox. Without one, the rules about arrivals see no defect of the verbs beneath. */
  readonly arrivals?: true;
  /** Called once for each store, so that what it remembers is shared by the connections to that store. */
  readonly plant: () => Spoil;
}

/** For a defect that remembers nothing of the store. */
export const always =
  (spoil: Spoil): (() => Spoil) =>
  () =>
    spoil;

/** The factory of one store's backends, with the defect planted in each. */
export function spoiled(open: () => Promise<Whole>, { plant }: Defect): () => Promise<Whole> {
  const spoil = plant();
  let connection = 0;
  return async () => {
    const good = await open();
    return { ...good, ...spoil(good, connection++) };
  };
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Longer than what the suite calls at once, shorter than its longest wait. */
export const LATE_MS = 700;
