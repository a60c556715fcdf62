/** What an error reply of Redis means, and what to do. */
export interface ErrorReply {
  readonly code: "BACKEND_FULL" | "BACKEND_UNAVAILABLE" | "CONFIG_INVALID";
  readonly text: string;
  /** Another node may have become the primary: the address must be looked up again. Absent: no. */
  readonly moved?: true;
}

const LOOKED_UP = "waybill reconnects and looks the address up again";

/** By the first word of the reply. */
export const ERROR_REPLIES: Readonly<Record<string, ErrorReply>> = {
  OOM: {
    code: "BACKEND_FULL",
    text: "Redis has used up its maxmemory and stored nothing of this; let workers drain it, or raise maxmemory",
  },
  MISCONF: {
    code: "BACKEND_UNAVAILABLE",
    text: "Redis refuses every write (MISCONF), because it cannot save to disk: free the disk or mend the folder named by its setting dir; stop-writes-on-bgsave-error is what makes it refuse",
  },
  AOF_FULL: {
    code: "BACKEND_FULL",
    text: "the disk of Redis is full: it cannot write to its append-only file and stored nothing of this (MISCONF); free the disk that has its folder (CONFIG GET dir), and it goes on by itself",
  },
  AOF_FAILED: {
    code: "BACKEND_UNAVAILABLE",
    text: "Redis cannot write to its append-only file and stored nothing of this (MISCONF); mend the disk that has its folder (CONFIG GET dir), and it goes on by itself. Its log names the error",
  },
  READONLY: {
    code: "BACKEND_UNAVAILABLE",
    text: `this Redis is a replica and takes no writes, as after a failover (READONLY); ${LOOKED_UP}, so make it lead to the primary`,
    moved: true,
  },
  UNBLOCKED: {
    code: "BACKEND_UNAVAILABLE",
    text: `this Redis has just become a replica (UNBLOCKED); ${LOOKED_UP}`,
    moved: true,
  },
  MASTERDOWN: {
    code: "BACKEND_UNAVAILABLE",
    text: `this Redis is a replica without its primary (MASTERDOWN); ${LOOKED_UP}, so make it lead to the primary`,
    moved: true,
  },
  NOREPLICAS: {
    code: "BACKEND_UNAVAILABLE",
    text: `Redis has fewer replicas than min-replicas-to-write asks for (NOREPLICAS), and stored nothing of this; ${LOOKED_UP}. If it is the primary, mend its replicas`,
    moved: true,
  },
  LOADING: {
    code: "BACKEND_UNAVAILABLE",
    text: `Redis is still loading its data (LOADING), as after a restart or a failover; it goes on once that is done, and ${LOOKED_UP}`,
    moved: true,
  },
  BUSY: {
    code: "BACKEND_UNAVAILABLE",
    text: "Redis runs a script and takes no other command (BUSY); it goes on once that ends, and SCRIPT KILL ends it",
  },
  UNKILLABLE: {
    code: "BACKEND_UNAVAILABLE",
    text: "Redis runs a script that has written and cannot be killed (UNKILLABLE); wait for its end",
  },
  NOSCRIPT: {
    code: "BACKEND_UNAVAILABLE",
    text: "Redis has forgotten a script (NOSCRIPT), as after a restart; the next call sends it again",
  },
  CLUSTERDOWN: {
    code: "BACKEND_UNAVAILABLE",
    text: "the Redis Cluster does not serve every slot (CLUSTERDOWN); it goes on once a failover or a repair has ended",
  },
  TRYAGAIN: {
    code: "BACKEND_UNAVAILABLE",
    text: "the Redis Cluster is moving these keys (TRYAGAIN); it goes on once they have moved",
  },
  REDIRECTED: {
    code: "BACKEND_UNAVAILABLE",
    text: "the nodes of the Redis Cluster do not agree which of them has these keys; it goes on once they do",
  },
  WRONGPASS: { code: "CONFIG_INVALID", text: "Redis refuses the user name or password in the URL; correct it" },
  NOAUTH: { code: "CONFIG_INVALID", text: "Redis asks for a password; write it in the URL: redis://:PASSWORD@host" },
  NOPERM: {
    code: "CONFIG_INVALID",
    text: "the Redis user may not run what BullMQ needs (scripts, and all commands on its keys); widen its ACL",
  },
  MOVED: {
    code: "CONFIG_INVALID",
    text: "this is a Redis Cluster; add cluster=true to the URL, and a prefix in braces: ?cluster=true&prefix={waybill}",
  },
  CROSSSLOT: {
    code: "CONFIG_INVALID",
    text: "in a Redis Cluster the prefix must be in braces, so that a queue's keys share a slot: ?prefix={waybill}",
  },
  WRONGTYPE: {
    code: "BACKEND_UNAVAILABLE",
    text: "a key under the prefix has a value of another program; choose another ?prefix=",
  },
};

/** What follows MISCONF where the append-only file is at fault, and not a snapshot. */
const AOF_ERROR = "Errors writing to the AOF file";

const KIND = new RegExp(`\\b(${Object.keys(ERROR_REPLIES).join("|")})\\b`);

/** Returns the key of `ERROR_REPLIES`; null for another message. Older servers wrap errors of a script: "ERR Error running script …: -OOM …". */
export function replyKind(message: string): string | null {
  if (message.startsWith("Too many Cluster redirections")) return "REDIRECTED";
  if (message.includes(AOF_ERROR)) return message.includes("No space left on device") ? "AOF_FULL" : "AOF_FAILED";
  return KIND.exec(message)?.[1] ?? null;
}

/** Whether the node that sent this error may have been replaced by another. */
export function nodeMoved(message: string): boolean {
  return ERROR_REPLIES[replyKind(message) ?? ""]?.moved ?? false;
}
