import {
  countOf,
  RECORD_STATES,
  type RecordChange,
  type RecordRange,
  type RecordStore,
  type StoredRecord,
} from "@waybill/core/backend";
import type { Client } from "../connection/client.ts";
import type { Keys } from "../scripts/keys.ts";
import { findLua, pruneLua, writeLua } from "./records-lua.ts";

type Script<Reply> = (keys: 1, ...args: (string | number)[]) => Promise<Reply>;
type Call = <T>(work: () => Promise<T>) => Promise<T>;
type Found = readonly [
  isMore: 0 | 1,
  score: string,
  id: string,
  records: readonly (readonly [id: string, fields: string[]])[],
];

interface Commands {
  readonly waybillRecordsWrite: Script<number>;
  readonly waybillRecordsFind: Script<Found>;
  readonly waybillRecordsPrune: Script<number>;
}

/** A script holds up every other command of the server, so it takes so many records. */
const WRITTEN = 100;
const LOOKED_AT = 500;
const PRUNED = 200;

/** The field of each filter. The one that is likely to leave the fewest records comes first. */
const FILTERS = [
  ["code", "c"],
  ["tenant", "n"],
  ["state", "s"],
  ["type", "t"],
  ["queue", "q"],
] as const;

/** Defines the scripts and returns the records of each scope. `call` rejects `BACKEND_CLOSED` once the backend is closed. */
export function createRecordStores(client: Client, { records }: Keys, call: Call): (scope: string) => RecordStore {
  client.defineCommand("waybillRecordsWrite", { lua: writeLua });
  client.defineCommand("waybillRecordsFind", { lua: findLua });
  client.defineCommand("waybillRecordsPrune", { lua: pruneLua });
  const commands = client as unknown as Commands;
  return (scope) => createRecordStore(client, commands, records(scope), call);
}

function createRecordStore(client: Client, commands: Commands, base: string, call: Call): RecordStore {
  async function find({ limit, after, since, until, text = "", ...filter }: RecordRange) {
    const given = FILTERS.filter(([name]) => filter[name] !== undefined);
    const first = given.find(([name]) => name !== "state" || filter.state !== "completed");
    const others = given.filter((one) => one !== first).flatMap(([name, field]) => [field, filter[name] as string]);
    const set = first === undefined ? ["", ""] : [first[1], filter[first[0]] as string];
    const least = since === undefined ? "-inf" : String(since);
    const dot = after?.indexOf(".") ?? -1;
    let [score, behind] = dot < 0 ? ["+inf", ""] : [after?.slice(0, dot) ?? "", decoded(after?.slice(dot + 1) ?? "")];
    if (until !== undefined && !(Number(score) < until)) [score, behind] = [`(${until}`, ""];
    const found: { readonly at: string; readonly record: StoredRecord }[] = [];
    for (let isMore: 0 | 1 = 1; isMore === 1 && found.length <= limit;) {
      const most = limit + 1 - found.length;
      const range = [...set, score, behind, least, LOOKED_AT, most, asciiLower(text)];
      const reply: Found = await commands.waybillRecordsFind(1, base, ...range, ...others);
      [isMore, score, behind] = reply;
      for (const [id, fields] of reply[3]) {
        const record = recordOf(id, fields);
        found.push({ at: `${record.enqueuedAt}.${encodeURIComponent(id)}`, record });
      }
    }
    const page = found.slice(0, limit);
    const asOf = await client.get(`${base}:at`);
    return {
      records: page.map(({ record }) => record),
      next: found.length > limit ? (page.at(-1)?.at ?? null) : null,
      asOf: asOf === null ? null : countOf(Number(asOf), 0),
    };
  }

  return {
    write: (changes) =>
      call(async () => {
        for (let from = 0; from < changes.length; from += WRITTEN) {
          const some = changes.slice(from, from + WRITTEN);
          const newest = Math.max(...some.map(({ at }) => at));
          await commands.waybillRecordsWrite(1, base, newest, ...some.flatMap(argumentsOf));
        }
      }),
    get: (id) =>
      call(async () => {
        const fields = Object.entries(await client.hgetall(`${base}:r:${id}`)).flat();
        return fields.length === 0 ? null : recordOf(id, fields);
      }),
    find: (range) => call(() => find(range)),
    prune: ({ before, most, limit }) =>
      call(async () => {
        let removed = 0;
        while (removed < limit) {
          const step = Math.min(PRUNED, limit - removed);
          const some = await commands.waybillRecordsPrune(1, base, before ?? "", most ?? "", step);
          removed += some;
          if (some < step) break;
        }
        return removed;
      }),
  };
}

/** As the script for writing takes them. */
function argumentsOf(change: RecordChange): (string | number)[] {
  const { id, enqueuedAt, state, at, rank, replaces, startedAt, endedAt, items } = change;
  const { type, queue, tenant, code, message, payload } = change;
  const fields: string[] = [];
  if (type !== "") fields.push("t", type);
  if (queue !== "") fields.push("q", queue);
  if (tenant !== null) fields.push("n", tenant);
  if (code !== null) fields.push("c", code);
  if (message !== null) fields.push("m", message);
  if (payload !== null) fields.push("p", payload);
  for (const name in items) fields.push(`i:${name}`, items[name] ?? "");
  return [id, enqueuedAt, state, at, rank, replaces, startedAt ?? "", endedAt ?? "", fields.length / 2, ...fields];
}

/** Another program may have written anything. */
function recordOf(id: string, list: readonly string[]): StoredRecord {
  const fields = new Map<string, string>();
  for (let at = 0; at < list.length; at += 2) fields.set(list[at] ?? "", list[at + 1] ?? "");
  const text = (name: string): string | null => fields.get(name) ?? null;
  const times = (text("v") ?? "").split(",");
  const time = (at: number): number | null => (times[at] ? countOf(Number(times[at]), 0) : null);
  const items = [...fields].filter(([name]) => name.startsWith("i:")).map(([name, value]) => [name.slice(2), value]);
  return {
    id,
    type: text("t") ?? "",
    queue: text("q") ?? "",
    tenant: text("n"),
    enqueuedAt: time(0) ?? 0,
    payload: text("p"),
    state: RECORD_STATES.find((state) => state === text("s")) ?? "waiting",
    code: text("c"),
    message: text("m"),
    at: time(1) ?? 0,
    startedAt: time(4),
    endedAt: time(5),
    items: Object.fromEntries(items) as Record<string, string>,
  };
}

function decoded(id: string): string {
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}

const asciiLower = (text: string): string => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
