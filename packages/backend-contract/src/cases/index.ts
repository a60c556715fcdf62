import type { ContractCase } from "../contract-case.ts";
import { bodyCases } from "./body.ts";
import { closeCases } from "./close.ts";
import { concurrencyCases } from "./concurrency.ts";
import { controlCases } from "./control.ts";
import { controlListCases } from "./control-list.ts";
import { controlTraceCases } from "./control-trace.ts";
import { controlWaitingCases } from "./control-waiting.ts";
import { deadLetterCases } from "./dead-letter.ts";
import { declarationCases } from "./declaration.ts";
import { delayCases } from "./delay.ts";
import { enqueueCases } from "./enqueue.ts";
import { expiryCases } from "./expiry.ts";
import { extendCases } from "./extend.ts";
import { identityCases } from "./identity.ts";
import { inboxCases } from "./inbox.ts";
import { inspectCases } from "./inspect.ts";
import { keyOrderCases } from "./key-order.ts";
import { keyEndCases } from "./key-ends.ts";
import { lateSettleCases } from "./late-settle.ts";
import { leaseCases } from "./lease.ts";
import { ledgerCases } from "./ledger.ts";
import { priorityCases } from "./priority.ts";
import { queueLimitCases } from "./queue-limits.ts";
import { recordCases } from "./records.ts";
import { recordFindCases } from "./records-find.ts";
import { recordTextCases } from "./records-text.ts";
import { replayCases } from "./replay.ts";
import { retryCases } from "./retry.ts";
import { workerRegistryCases } from "./worker-registry.ts";
import { settleCases } from "./settle.ts";
import { uniqueCases } from "./unique.ts";
import { uniqueUntilCases } from "./unique-until.ts";
import { uniqueArrivalCases } from "./unique-arrivals.ts";
import { waitingCases } from "./waiting.ts";

/** Every rule of the contract, by subject. */
export const contractCases: readonly ContractCase[] = [
  ...declarationCases,
  ...enqueueCases,
  ...bodyCases,
  ...identityCases,
  ...leaseCases,
  ...waitingCases,
  ...settleCases,
  ...lateSettleCases,
  ...retryCases,
  ...delayCases,
  ...priorityCases,
  ...concurrencyCases,
  ...keyEndCases,
  ...keyOrderCases,
  ...queueLimitCases,
  ...expiryCases,
  ...extendCases,
  ...deadLetterCases,
  ...replayCases,
  ...inspectCases,
  ...inboxCases,
  ...workerRegistryCases,
  ...ledgerCases,
  ...recordCases,
  ...recordFindCases,
  ...recordTextCases,
  ...controlListCases,
  ...controlCases,
  ...controlWaitingCases,
  ...controlTraceCases,
  ...uniqueCases,
  ...uniqueUntilCases,
  ...uniqueArrivalCases,
  ...closeCases,
];
