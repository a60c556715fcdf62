import { run, runToAnyEnd } from "./program.ts";
import type { Stranger } from "./stranger.ts";

/** With SQLite it works, and without the backend of a URL it says what to install. */
export async function runsTheCommand({ folder }: Stranger): Promise<void> {
  const queues = (url: string): readonly string[] => ["npx", "--no-install", "waybill", "queues", "--url", url];
  const said = await run(queues("sqlite:./command.db"), { cwd: folder });
  if (said.trim() !== "No queue has a job.") throw new Error(said);
  const { output, code } = await runToAnyEnd(queues("redis://localhost:1"), { cwd: folder });
  const error = `error: a "redis:" URL needs the package @waybill/bullmq, which is not installed; run: npm install @waybill/bullmq`;
  if (output.trim() !== error || code !== 2) throw new Error(`ended with ${code}:\n${output}`);
}
