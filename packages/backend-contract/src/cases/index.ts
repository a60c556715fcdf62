import type { ContractCase } from "../contract-case.ts";
import { bodyCases } from "./body.ts";
import { enqueueCases } from "./enqueue.ts";
import { identityCases } from "./identity.ts";

/** Every rule of the contract, by subject. */
export const contractCases: readonly ContractCase[] = [...enqueueCases, ...bodyCases, ...identityCases];
