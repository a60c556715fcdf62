/** Sentences of pages about lost jobs and killed processes whose paragraph links to no test, and what stands behind each. */
export interface FaultPromise {
  readonly page: string;
  /** Words of the sentence. */
  readonly words: string;
  /** A scenario of the catalogue of faults. */
  readonly scenario?: string;
  /** The path of a test. */
  readonly test?: string;
  /** It promises nothing: it says what is lost or how something works. */
  readonly isNotice?: true;
}

export const faultPromises: readonly FaultPromise[] = [
  { page: "docs/results.md", words: "while the connection is lost", isNotice: true },
  { page: "packages/sqs/README.md", words: "a deploy or a killed worker ended", isNotice: true },
  { page: "packages/sqs/README.md", words: "the letters are visible again after 30 s", isNotice: true },
  { page: "packages/sqlite/README.md", words: "no crash leaves a key taken", scenario: "unique keys under kills" },
  { page: "packages/sqlite/README.md", words: "none is lost with a process", scenario: "limits under kills" },
  { page: "packages/rabbitmq/README.md", words: "its jobs run in other workers at once", scenario: "killed workers" },
  { page: "packages/rabbitmq/README.md", words: "just settled may run again", isNotice: true },
  { page: "packages/rabbitmq/README.md", words: "the message can be lost with the node", isNotice: true },
  { page: "packages/dashboard/README.md", words: "loses its last 20 seconds", isNotice: true },
  {
    page: "packages/core/README.md",
    words: "a worker that loses no job when it is killed",
    scenario: "killed workers",
  },
  { page: "packages/core/README.md", words: "the connection was lost", isNotice: true },
  {
    page: "packages/core/README.md",
    words: "up to that many finished jobs run again",
    scenario: "kill at the default prefetch",
  },
  { page: "packages/core/README.md", words: "a killed worker's job starts elsewhere", scenario: "killed workers" },
  { page: "packages/core/README.md", words: "other jobs are not counted as lost", scenario: "poison isolation" },
  {
    page: "packages/core/README.md",
    words: "one that was killed after three missed heartbeats",
    scenario: "worker registry",
  },
  { page: "packages/core/README.md", words: "every point where its process may die", isNotice: true },
  { page: "packages/cli/README.md", words: "no job loses an attempt", scenario: "push under load" },
  {
    page: "packages/bullmq/README.md",
    words: "the key is free as soon as the job has ended or is gone",
    scenario: "unique keys under kills",
  },
  { page: "packages/backend-contract/README.md", words: "survives a crash is tested by", isNotice: true },
  { page: "docs/control.md", words: "loses its slot after", isNotice: true },
  { page: "docs/flows.md", words: "no counter that could be wrong after a crash", scenario: "flows under kills" },
  { page: "docs/push.md", words: "A delivery whose process is killed is not counted", isNotice: true },
  { page: "docs/records.md", words: "its worker was killed within the half second", isNotice: true },
  { page: "docs/records.md", words: "loses the changes of its last half second", isNotice: true },
  { page: "docs/schedules.md", words: "whichever of them dies", scenario: "killed scheduler" },
  { page: "docs/schedules.md", words: "has missed three heartbeats", scenario: "worker registry" },
  { page: "docs/shutdown.md", words: "No job is lost when one is stopped badly", scenario: "killed workers" },
  { page: "docs/shutdown.md", words: "runs out of memory leaves no line", isNotice: true },
  { page: "docs/switching.md", words: "loses that queue with its confirmed messages", isNotice: true },
  {
    page: "docs/unique-jobs.md",
    words: "no lock that a crash could leave behind",
    scenario: "unique keys under kills",
  },
  {
    page: "docs/why.md",
    words: "if the process that does it was killed, a worker does",
    scenario: "flows under kills",
  },
];
