// Works until it has a job, and kills itself: once it is leased, before its dead letter is stored, or right after that. Its arguments: the URL,
// the URL of a ledger or "", the queue, and "leased", "ended" or "settled".
import { connect } from "@waybill/core";
import { type BackendFactory, ledgerOf } from "@waybill/core/backend";
import { factoryFor } from "../../packages/core/src/connect/schemes.ts";
import { frailStep } from "./frail-step.ts";

const [url = "", ledger = "", queue = "", dies = ""] = process.argv.slice(2);
const open = await factoryFor(url, true);
const die = (): never => {
  process.kill(process.pid, "SIGKILL");
  throw new Error("it is dead");
};

const dying: BackendFactory = async (context) => {
  const backend = await open(context);
  const own = ledgerOf(backend);
  return {
    ...backend,
    ...(own !== null && { ledger: own }),
    async lease(request) {
      const leases = await backend.lease(request);
      return dies === "leased" && leases.length > 0 ? die() : leases;
    },
    async deadLetter(lease, reason) {
      if (dies === "ended") die();
      await backend.deadLetter(lease, reason);
      return die();
    },
  };
};

const jobs = await connect(dying, { log: "off", ...(ledger !== "" && { ledger }) });
await jobs.worker({ jobs: [frailStep], queues: [queue], lease: "1s" }).start();
