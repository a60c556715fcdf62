// Writes the same number to two keys of a ledger, again and again, until it is killed. Prints a line after the first commit.
import { ledgerOf } from "@waybill/core/backend";
import { factoryFor } from "../../packages/core/src/connect/schemes.ts";

const [url = "", start = "0"] = process.argv.slice(2);
// The sockets of a backend keep no process alive.
setInterval(() => undefined, 60_000);
const report = { rejected() {}, failed() {}, succeeded() {} };
const factory = await factoryFor(url, false);
const backend = await factory({ admit: () => ({ ok: false, reason: { code: "NONE", message: "none" } }), report });
const ledger = ledgerOf(backend);
if (ledger === null) throw new Error("it has no ledger");
for (let at = Number(start); ; at++) {
  const keys = ["pair/a", "pair/b", ...Array.from({ length: 200 }, (_, more) => `pair/more-${more}`)];
  await ledger.commit(keys.map((key) => ({ key, ifVersion: "any", value: String(at) })));
  if (at === Number(start)) console.log("committed");
}
