import { flushCompileCache } from "node:module";
import { fromUrl } from "../../src/index.ts";
import { context, lease } from "../broker.ts";

/** `hold.ts URL COUNT`: leases that many jobs for 3 s, says so, and never settles them. */
const [url = "", count = "1"] = process.argv.slice(2);
const backend = await fromUrl(url)(context);
// It is always killed: the next one need not compile it again.
flushCompileCache();
let held = 0;
while (held < Number(count)) held += (await lease(backend, { limit: Number(count) - held, leaseMs: 3_000 })).length;
process.send?.(held);
