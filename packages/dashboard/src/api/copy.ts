import { errorMessage, newId } from "@waybill/core";
import { Refusal } from "../refusal.ts";
import { type Input, invalid, textIn } from "./input.ts";
import { parts } from "./job-view.ts";
import { restored } from "./redact.ts";
import type { Writing } from "./writing.ts";

/**
 * Enqueues a copy of a job, under a new id and with the payload that was sent. Its queue may be another one. All else is as in
 * the job: its tenant, its priority, its limits, its unique key. The copy is not signed.
 */
export async function enqueueCopy({ jobs, input, redact }: Writing): Promise<unknown> {
  const id = textIn(input, "id");
  const { envelope, args } = parts(await bodyOfJob(jobs, id));
  if (envelope === null || args.length !== 1) {
    throw new Refusal(422, "NOT_COPIED", "only a job that is an envelope with one argument can be copied");
  }
  const { scheduled_at: _scheduled, expires_at: _expires, ...kept } = envelope;
  const copy = {
    ...kept,
    id: newId(),
    created_at: new Date().toISOString(),
    args: [restored(payloadOf(input), args[0], redact)],
    ...(input["queue"] !== undefined && { queue: textIn(input, "queue") }),
    ...scheduledAt(input),
  };
  const receipt = await jobs.enqueueBody(JSON.stringify(copy));
  return { id: receipt.id, copyOf: id };
}

async function bodyOfJob(jobs: Writing["jobs"], id: string): Promise<string> {
  const [dead] = (await jobs.inspector?.deadLetters({ ids: [id], limit: 1 })) ?? [];
  if (dead !== undefined) return dead.body;
  const job = await jobs.find(id);
  if (job === null) throw new Refusal(404, "NOT_FOUND", "there is no job of this id any more");
  return job.body;
}

function payloadOf(input: Input): unknown {
  try {
    return JSON.parse(textIn(input, "payload")) as unknown;
  } catch (cause) {
    throw invalid(`the payload is no JSON: ${errorMessage(cause)}`);
  }
}

function scheduledAt({ at }: Input): { readonly scheduled_at?: string } {
  if (at === undefined || at === "") return {};
  const time = new Date(String(at));
  if (Number.isNaN(time.getTime())) throw invalid('"at" is no time');
  return { scheduled_at: time.toISOString() };
}
