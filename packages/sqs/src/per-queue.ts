import { type Answer, WaybillError } from "@waybill/core";
import type { Queue } from "./queues.ts";

/** One call for each queue of a list, all at once; answers in the order of the list. An error is its item's answer. */
export async function perQueue<T extends { readonly queue: Queue }>(
  items: readonly (T | WaybillError)[],
  call: (queue: Queue, some: readonly T[]) => Promise<Answer<null>[]>,
): Promise<Answer<null>[]> {
  const answers: Answer<null>[] = [];
  const indexes = new Map<Queue, number[]>();
  for (const [index, item] of items.entries()) {
    if (item instanceof WaybillError) answers[index] = { ok: false, error: item };
    else indexes.set(item.queue, [...(indexes.get(item.queue) ?? []), index]);
  }
  const calls = [...indexes].map(async ([queue, own]) => {
    const some = own.map((index) => items[index] as T);
    for (const [position, answer] of (await call(queue, some)).entries()) answers[own[position] as number] = answer;
  });
  await Promise.all(calls);
  return answers;
}
