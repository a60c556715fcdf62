import type { Ledger, LedgerChange, LedgerRecord, LedgerWatches } from "@waybill/core/backend";
import type { Client } from "../connection/client.ts";
import type { Keys } from "../scripts/keys.ts";
import { commitLua, dueLua, listLua, readLua } from "./ledger-lua.ts";

/** A record: its key, version, milliseconds until it is due or "", and value. */
type Shown = readonly [key: string, version: string, dueInMs: number | "", value: string];
type Script<Reply> = (keys: 4, ...args: (string | number)[]) => Promise<Reply>;

interface Commands {
  readonly waybillLedgerRead: Script<(Shown | 0)[]>;
  readonly waybillLedgerCommit: Script<readonly [0 | 1, string[]]>;
  readonly waybillLedgerList: Script<Shown[]>;
  readonly waybillLedgerDue: Script<Shown[]>;
}

/** A ledger in four keys, each call one script. `call` rejects `BACKEND_CLOSED` once the backend is closed, and names the server in Redis's errors. */
export function createLedger(
  client: Client,
  keys: Keys,
  call: <T>(work: () => Promise<T>) => Promise<T>,
  { watch }: LedgerWatches,
): Ledger {
  client.defineCommand("waybillLedgerRead", { lua: readLua });
  client.defineCommand("waybillLedgerCommit", { lua: commitLua });
  client.defineCommand("waybillLedgerList", { lua: listLua });
  client.defineCommand("waybillLedgerDue", { lua: dueLua });
  const commands = client as unknown as Commands;
  const { records, byKey, byDue, byExpiry } = keys.ledger;
  const four = [records, byKey, byDue, byExpiry] as const;

  return {
    read: (asked) =>
      call(async () => {
        const found = await commands.waybillLedgerRead(4, ...four, ...asked);
        return found.map((record) => (record === 0 ? null : recordOf(record)));
      }),
    commit: (changes) =>
      call(async () => {
        const [done, list] = await commands.waybillLedgerCommit(4, ...four, ...changes.flatMap(argumentsOf));
        return done === 1 ? { ok: true, versions: list.map(Number) } : { ok: false, conflicts: list };
      }),
    list: ({ prefix, after, limit }) =>
      call(async () => {
        // Lua compares strings by the locale of the server.
        const from = after !== undefined && after >= prefix ? `(${after}` : prefix === "" ? "(" : `[${prefix}`;
        return (await commands.waybillLedgerList(4, ...four, prefix, from, limit)).map(recordOf);
      }),
    due: ({ prefix, limit }) =>
      call(async () => (await commands.waybillLedgerDue(4, ...four, prefix, limit)).map(recordOf)),
    watch,
  };
}

function argumentsOf({ key, ifVersion, value, dueInMs, expiresInMs, notify }: LedgerChange): string[] {
  const ms = (time: number | undefined): string => (time === undefined ? "" : String(time));
  return [
    key,
    String(ifVersion),
    ms(dueInMs),
    ms(expiresInMs),
    value === null ? "" : `${notify === true ? "!" : "="}${value}`,
  ];
}

const recordOf = ([key, version, dueInMs, value]: Shown): LedgerRecord => ({
  key,
  value,
  version: Number(version),
  dueInMs: dueInMs === "" ? null : dueInMs,
});
