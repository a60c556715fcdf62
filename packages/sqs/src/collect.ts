import type { Answer } from "@waybill/core";
import type { Queue } from "./queues.ts";

export type Collect<T> = (queue: Queue, item: T) => Promise<Answer<null>>;

/** Callers of one turn of the event loop share a call for each queue. */
export function collect<T>(call: (queue: Queue, items: readonly T[]) => Promise<Answer<null>[]>): Collect<T> {
  interface Waiting {
    readonly item: T;
    readonly resolve: (answer: Answer<null>) => void;
    readonly reject: (error: unknown) => void;
  }
  const waiting = new Map<Queue, Waiting[]>();

  async function flushed(queue: Queue, some: readonly Waiting[]): Promise<void> {
    try {
      const answers = await call(
        queue,
        some.map(({ item }) => item),
      );
      for (const [index, answer] of answers.entries()) some[index]?.resolve(answer);
    } catch (thrown) {
      for (const { reject } of some) reject(thrown);
    }
  }

  function flush(): void {
    const lines = [...waiting];
    waiting.clear();
    for (const [queue, some] of lines) void flushed(queue, some);
  }

  return (queue, item) =>
    new Promise((resolve, reject) => {
      if (waiting.size === 0) setImmediate(flush);
      const line = waiting.get(queue);
      if (line === undefined) waiting.set(queue, [{ item, resolve, reject }]);
      else line.push({ item, resolve, reject });
    });
}
