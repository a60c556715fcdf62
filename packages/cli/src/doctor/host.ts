import { readFile } from "node:fs/promises";
import type { Finding, Jobs } from "@waybill/core";

/** What Redis asks the kernel for: connections that wait to be accepted. */
const REDIS_BACKLOG = 511;
const SETTING = "/proc/sys/net/core/somaxconn";

/** What this machine says about a server that runs on it; nothing about a server elsewhere. */
export async function hostFindings({ backend, doctor }: Pick<Jobs, "backend" | "doctor">): Promise<Finding[]> {
  const isRedis = doctor?.server?.product === "redis" || doctor?.server?.product === "valkey";
  const isHere = /\/\/([^@/]*@)?(localhost|127\.\d+\.\d+\.\d+|\[::1\])[:/]/.test(`${backend.address}/`);
  if (!isRedis || !isHere || process.platform !== "linux") return [];
  const allowed = Number(await readFile(SETTING, "utf8"));
  const enough = allowed >= REDIS_BACKLOG;
  return [
    {
      check: "host.somaxconn",
      severity: enough ? "ok" : "note",
      message: `${SETTING} is ${allowed}, Redis asks for ${REDIS_BACKLOG}`,
      wayOut: enough ? null : `where many processes connect at once: sysctl net.core.somaxconn=${REDIS_BACKLOG}`,
    },
  ];
}
