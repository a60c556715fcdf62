/** When an accepted job can still be lost, and what closes the window. */
export interface LossWindow {
  readonly backend: string;
  readonly window: string;
  readonly closedBy: string;
}

export const lossWindows: readonly LossWindow[] = [
  {
    backend: "SQLite",
    window: "the disk or the machine with the file is lost",
    closedBy: "a backend on a server; the file has no copy",
  },
  {
    backend: "Redis",
    window: "Redis or its machine crashes, and `appendfsync` is `everysec`: its last second",
    closedBy: "`appendonly yes` and `appendfsync always`",
  },
  {
    backend: "Redis",
    window: "a replica is promoted that had not received the last writes",
    closedBy: "`ack=replicated` in the URL: `enqueue` resolves once replicas have the job",
  },
  {
    backend: "Redis",
    window: "`maxmemory-policy` evicts keys",
    closedBy: "`noeviction`; waybill refuses another policy or reports it in `waybill doctor`",
  },
  {
    backend: "PostgreSQL",
    window: "the server crashes with `synchronous_commit = off`, or fails over to a standby that lagged",
    closedBy: "`synchronous_commit = on` and `synchronous_standby_names`",
  },
  {
    backend: "RabbitMQ",
    window: "a single node is killed within 5 s of the first declaration of a quorum queue",
    closedBy: "three nodes; or declare queues in the deploy, before they are used",
  },
  {
    backend: "RabbitMQ",
    window: "a node with classic queues is lost while it moves a message to or from a delay or to the dead letters",
    closedBy: '`queueType: "quorum"`, the default',
  },
  {
    backend: "SQS",
    window: "a message is older than the queue's retention period, 14 days at most",
    closedBy: "the longest retention, and an alarm on the age of the oldest message",
  },
  {
    backend: "memory",
    window: "the process ends",
    closedBy: "any other backend; in production `memory:` is refused",
  },
];
