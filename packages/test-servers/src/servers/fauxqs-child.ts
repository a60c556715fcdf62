// The emulator as a process: node fauxqs-child PORT [FOLDER]
import { listenOnLoopback } from "./fauxqs-loopback.ts";
import { mendVisibility } from "./fauxqs-visibility.ts";

const [port, folder] = process.argv.slice(2);
const server = await listenOnLoopback({
  port: Number(port),
  ...(folder === undefined ? {} : { dataDir: folder }),
});
if (folder !== undefined) mendVisibility(folder);
process.once("SIGTERM", () => {
  // A long poll may keep a connection for 20 s: do not wait for it.
  setTimeout(() => process.exit(0), 500);
  void server.stop().then(() => process.exit(0));
});
