import { flushCompileCache } from "node:module";
import { fromUrl } from "../../src/index.ts";
import { context, lease } from "../fixture.ts";

/** `lease-and-wait.ts URL COUNT`: leases that many jobs for 3 s, sends a message, and never settles them. */
const [url = "", count = "1"] = process.argv.slice(2);
// Core keeps a process alive during its calls; this program does not use core.
setInterval(() => undefined, 60_000);
const backend = await fromUrl(url)(context);
// It is always killed, so the compiled code is written now for the next one.
flushCompileCache();
let leased = 0;
while (leased < Number(count)) {
  leased += (await lease(backend, { limit: Number(count) - leased, leaseMs: 3_000 })).length;
}
process.send?.(leased);
