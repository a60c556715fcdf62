import type { ContractCase } from "../contract-case.ts";
import { bodyCases } from "./body.ts";
import { closeCases } from "./close.ts";
import { deadLetterCases } from "./dead-letter.ts";
import { declarationCases } from "./declaration.ts";
import { delayCases } from "./delay.ts";
import { enqueueCases } from "./enqueue.ts";
import { expiryCases } from "./expiry.ts";
import { extendCases } from "./extend.ts";
import { identityCases } from "./identity.ts";
import { inboxCases } from "./inbox.ts";
import { inspectCases } from "./inspect.ts";
import { lateSettleCases } from "./late-settle.ts";
import { leaseCases } from "./lease.ts";
import { priorityCases } from "./priority.ts";
import { replayCases } from "./replay.ts";
import { retryCases } from "./retry.ts";
import { rosterCases } from "./roster.ts";
import { settleCases } from "./settle.ts";
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
  ...expiryCases,
  ...extendCases,
  ...deadLetterCases,
  ...replayCases,
  ...inspectCases,
  ...inboxCases,
  ...rosterCases,
  ...closeCases,
];
