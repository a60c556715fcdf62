import type { Backend, Message } from "../backend/contract.ts";
import { WaybillError } from "../errors.ts";
import type { Inspector } from "../backend/inspector.ts";
import { describeValue } from "../known-options.ts";
import { openMemory } from "../memory/backend.ts";
import { memoryCapabilities } from "../memory/limits.ts";
import { createStore } from "../memory/store.ts";
import { createTransactions, type MemoryTransactions } from "../memory/transactions.ts";
import { type Likeness, type BackendName, likenesses } from "./likeness.ts";
import { createOneAtATime, type OneAtATime } from "./one-at-a-time.ts";

export interface Opened {
  /** Has the optional parts of the backend that it imitates, and no others. */
  readonly backend: Backend;
  readonly inspector: Inspector;
  readonly oneAtATime: OneAtATime;
  readonly transactions: MemoryTransactions;
}

const plain: Likeness = { capabilities: memoryCapabilities, transactions: false, listsWorkers: true, ledger: true };

/**
 * Opens a store in this process that imitates a backend. `stored` is called for each stored job; for a job in a transaction,
 * when that commits. Throws `CONFIG_INVALID` for an unknown backend.
 */
export function openLike(like: BackendName | undefined, stored: (message: Message) => void): Opened {
  const {
    capabilities,
    transactions: isTransactional,
    listsWorkers,
    ledger: hasLedger,
  } = like === undefined ? plain : likenessOf(like);
  const store = createStore(capabilities);
  const { workerRegistry, ledger, recordStore, ...memory } = openMemory(
    store,
    like === undefined ? "memory:test" : `memory:like-${like}`,
  );
  const heard: typeof memory = {
    ...memory,
    async enqueue(messages) {
      const results = await memory.enqueue(messages);
      for (const [at, message] of messages.entries()) {
        const result = results[at];
        if (result?.ok && result.value.stored) stored(message);
      }
      return results;
    },
  };
  const all = createTransactions(store, heard);
  const transactions = isTransactional ? all : refusing(like);
  const oneAtATime = createOneAtATime(store, memory);
  const { enqueueIn, completeIn, ledgerIn } = transactions;
  const offered = isTransactional || like === undefined ? { enqueueIn, completeIn, ledgerIn } : {};
  const optional = { ...(listsWorkers && { workerRegistry }), ...(hasLedger && { ledger, recordStore }), ...offered };
  const backend = { ...heard, lease: oneAtATime.lease, ...optional };
  return { backend, inspector: memory.inspector, oneAtATime, transactions };
}

function likenessOf(like: BackendName): Likeness {
  if (Object.hasOwn(likenesses, like)) return likenesses[like];
  const known = Object.keys(likenesses).map((name) => `"${name}"`);
  throw new WaybillError(
    "CONFIG_INVALID",
    `testJobs({ like }) is ${describeValue(like)}; known are ${known.join(", ")}`,
  );
}

function refusing(like: BackendName | undefined): MemoryTransactions {
  const has = Object.entries(likenesses).filter(([, { transactions }]) => transactions);
  const names = has.map(([name]) => `"${name}"`).join(" or ");
  const whose = like === undefined ? "test jobs without `like`" : `test jobs like "${like}"`;
  const refusal = (): WaybillError =>
    new WaybillError("CAPABILITY_MISSING", `${whose} have no transactions; say testJobs({ like }) with ${names}`);
  const refuse = (): Promise<never> => Promise.reject(refusal());
  const refuseNow = (): never => {
    throw refusal();
  };
  return { run: refuse, enqueueIn: refuse, completeIn: refuse, ledgerIn: refuseNow };
}
