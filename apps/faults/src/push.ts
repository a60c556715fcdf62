/** `waybill push`, as a process. Arguments: those of the command. */
import { run } from "@waybill/cli";

const code = await run(["push", ...process.argv.slice(2)]);
process.stdout.write("", () => process.exit(code));
