import { readFile } from "node:fs/promises";
import type { Finding, Jobs } from "@waybill/core";

/** The number of connections waiting to be accepted that Redis requests from the kernel. */
const REDIS_BACKLOG = 511;
const SETTING = "/proc/sys/net/core/somaxconn";

/** Checks kernel settings for a Redis that runs on this machine. Returns none for a server on another machine. */
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
      remedy: enough ? null : `if many processes connect at the same time: sysctl net.core.somaxconn=${REDIS_BACKLOG}`,
    },
  ];
}
