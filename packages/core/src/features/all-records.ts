import type { Ledger, LedgerRecord } from "../backend/ledger.ts";

const PAGE = 1_000;

/** Reads every record under a prefix, by key, a thousand at a time. `after`: those behind that key. Rejects as the ledger does. */
export async function* allRecords(ledger: Ledger, prefix: string, after?: string): AsyncGenerator<LedgerRecord> {
  for (let last = after; ;) {
    const page = await ledger.list({ prefix, limit: PAGE, ...(last !== undefined && { after: last }) });
    yield* page;
    last = page.at(-1)?.key;
    if (page.length < PAGE) return;
  }
}
