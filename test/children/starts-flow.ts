// Starts a flow of 60 or 200 members that wait for nothing and a last one, and kills itself: while it stores them, or while it enqueues them. Its
// arguments: the URL, "store" or "enqueue", the queue, and an id of the flow.
import { connect, type ConnectOptions } from "@waybill/core";
import { type BackendFactory, type LedgerBackend, ledgerOf } from "@waybill/core/backend";
import { factoryFor } from "../../packages/core/src/connect/schemes.ts";

const [url = "", dies = "", queue = "", id = ""] = process.argv.slice(2);
const parts = new URL(url);
const ledger = parts.searchParams.get("ledger");
if (ledger !== null) parts.searchParams.delete("ledger");
const open = await factoryFor(parts.href, true);
const die = (): never => {
  process.kill(process.pid, "SIGKILL");
  throw new Error("it is dead");
};

const dying: BackendFactory = async (context) => {
  const backend = await open(context);
  let [enqueues, commits] = [0, 0];
  const own = ledgerOf(backend);
  const killed: LedgerBackend | typeof backend = {
    ...backend,
    async enqueue(messages) {
      enqueues += 1;
      return dies === "enqueue" && enqueues > 1 ? die() : backend.enqueue(messages);
    },
    ...(own !== null && {
      ledger: {
        ...own,
        async commit(changes) {
          commits += 1;
          return dies === "store" && commits > 2 ? die() : own.commit(changes);
        },
      },
    }),
  };
  return killed;
};

const options: ConnectOptions = { log: "off", ...(ledger !== null && { ledger }) };
const jobs = await connect(dying, options);
const flow = jobs.flow("album", { id });
const first = Array.from({ length: dies === "store" ? 200 : 60 }, (_, at) => flow.add("step", { at }, { queue }));
flow.add("step", { at: "last" }, { queue, after: first });
await flow.start();
