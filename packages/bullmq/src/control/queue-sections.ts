import type { Client } from "../connection/client.ts";
import type { QueueScripts } from "../scripts/scripts.ts";

/** Where BullMQ keeps the jobs of a queue, in the order in which most move from one to the other. */
export const SECTIONS = ["prioritized", "wait", "active", "delayed", "failed"] as const;
export type Section = (typeof SECTIONS)[number];

/** Behind a job of a sorted set. */
type Scored = readonly [score: string, id: string];
/** The position behind a job: its score and id in a sorted set, its index in a list. Null: before all jobs of the section. */
export type Position = Scored | number | null;

/** Some ids of a section, each with the position behind it. */
export type Step = readonly { readonly id: string; readonly position: Scored | number }[];

/** Ids that are read at once. */
const STEP = 200;

/** Returns the next ids behind a position, in the order of the section; none at its end. */
export async function nextStep(client: Client, bullmq: QueueScripts, section: Section, from: Position): Promise<Step> {
  const key = bullmq.toKey(section);
  if (section !== "wait" && section !== "active") return stepOfSet(client, key, scoredOf(from));
  const start = typeof from === "number" ? from : 0;
  const ids = await client.lrange(key, start, start + STEP - 1);
  return ids.map((id, index) => ({ id, position: start + index + 1 }));
}

const scoredOf = (from: Position): Scored => (typeof from === "number" || from === null ? ["-inf", ""] : from);

/** By score and then by id, as Redis orders them. The job of the position may have left. */
async function stepOfSet(client: Client, key: string, [score, id]: Scored): Promise<Step> {
  const isBehind = (at: string, member: string): boolean =>
    at !== score || Buffer.compare(Buffer.from(member), Buffer.from(id)) > 0;
  for (let offset = 0; ; offset += STEP) {
    const page = await client.zrangebyscore(key, score, "+inf", "WITHSCORES", "LIMIT", offset, STEP);
    const found: { id: string; position: Scored }[] = [];
    for (let index = 0; index < page.length; index += 2) {
      const [member, at] = [page[index] as string, page[index + 1] as string];
      if (isBehind(at, member)) found.push({ id: member, position: [at, member] });
    }
    if (found.length > 0 || page.length < 2 * STEP) return found;
  }
}
