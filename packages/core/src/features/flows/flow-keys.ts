import { derivedId } from "../../envelope/index.ts";
import { ledgerKey, ledgerPrefix } from "../ledger-key.ts";

/**
 * The parts of a flow's records: a member, its result, one that comes after it, one that it still waits for, and those before
 * it that have completed or died.
 */
export type FlowPart = "member" | "result" | "next" | "open" | "done" | "died";

/** Stands for the flow itself among the members: it comes after the last ones. */
export const WHOLE_FLOW = "flow";

export const FLOWS: string = ledgerPrefix("flow", "head");
export const FLOWS_DUE: string = ledgerPrefix("flow", "due");

/** Newest first: the ids begin with a time, so their digits are turned round. */
export const headKey = (flow: string): string => ledgerKey("flow", "head", turned(flow));
export const flowOfHead = (key: string): string => turned(key.slice(FLOWS.length));
/** What is left to do for a flow, or for one member, should the process that does it die. */
export const dueKey = (flow: string, member?: string): string =>
  member === undefined ? ledgerKey("flow", "due", flow) : ledgerKey("flow", "due", flow, member);
/** The job of a member, by its id: its envelope says which member of which flow it is. */
export const jobKey = (id: string): string => ledgerKey("flow", "job", id);
export const recordsPrefix = (flow: string): string => ledgerPrefix("flow", "data", flow);
export const partKey = (flow: string, part: FlowPart, member: string): string =>
  ledgerKey("flow", "data", flow, part, member);
export const partPrefix = (flow: string, part: FlowPart, ...member: readonly string[]): string =>
  ledgerPrefix("flow", "data", flow, part, ...member);

export const nextKey = (flow: string, member: string, later: string): string =>
  ledgerKey("flow", "data", flow, "next", member, later);
export const doneKey = (flow: string, member: string, before: string): string =>
  ledgerKey("flow", "data", flow, "done", member, before);
export const diedKey = (flow: string, member: string, before: string): string =>
  ledgerKey("flow", "data", flow, "died", member, before);
/** The digits of the last part are turned round, so that members that end in order leave no long row of deleted keys at the front. */
export const openKey = (flow: string, member: string, before: string): string =>
  ledgerKey("flow", "data", flow, "open", member, backwards(before));

/** Returns the last part of a key. */
export const lastPart = (key: string): string => key.slice(key.lastIndexOf("/") + 1);
/** Returns the last two parts of a key of `open`, `done` or `died`: the member, and the one before it. */
export function edgeOf(key: string, part: FlowPart): readonly [member: string, before: string] {
  const [member = "", before = ""] = key.split("/").slice(-2);
  return [member, part === "open" ? backwards(before) : before];
}

/** The key of a member that was there at the start. Keys are ordered as the members were added. */
export const memberKey = (at: number): string => String(at).padStart(6, "0");
/** The key of a member that another one has added. */
export const addedKey = (by: string, at: number): string => `${by}.${memberKey(at)}`;
export const memberId = (flow: string, key: string): string => derivedId(["waybill.flow", flow, key]);

const backwards = (text: string): string => [...text].toReversed().join("");
const turned = (id: string): string =>
  id.replaceAll(/[0-9a-f]/g, (digit) => (15 - Number.parseInt(digit, 16)).toString(16));
