import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { responds } from "../process/responds.ts";
import { makeDataFolder } from "../process/data-folder.ts";
import { fauxqsUrl } from "./fauxqs.ts";
import { freePort } from "../process/free-port.ts";
import { startProcess } from "../process/server-process.ts";
import type { TestServer } from "../process/test-server.ts";

const PROGRAM = fileURLToPath(new URL("../../moto/server.py", import.meta.url));
/** Where scripts/install-moto.sh puts it. */
const FOLDER = join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "waybill", "moto");

/** Starts a second SQS emulator, written by other people in Python, in memory. Tests rely only on what both emulators do. */
export async function startMoto(): Promise<TestServer> {
  if (!existsSync(join(FOLDER, "installed"))) {
    throw new Error("moto is needed and there is none; run: bash scripts/install-moto.sh (it needs Python 3 with pip)");
  }
  const port = await freePort();
  return startProcess({
    name: "moto",
    url: fauxqsUrl(port),
    port,
    folder: makeDataFolder("moto", null),
    user: null,
    command: "python3",
    args: [PROGRAM, "-H", "127.0.0.1", "-p", `${port}`],
    env: { PYTHONPATH: FOLDER },
    isReady: () => responds(port),
  });
}
