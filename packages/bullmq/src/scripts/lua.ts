import { configInvalid } from "@waybill/core/backend";
// A plain import, which bundlers follow: a script that is read at run time is not in the bundle.
import * as published from "bullmq/dist/cjs/scripts/index.js";

/** BullMQ's own script as a Lua function. It takes the keys and arguments of one job, and returns what BullMQ returns. */
export function bullmqFunction(name: string): string {
  const script = published[name];
  if (script === undefined) throw configInvalid(`this bullmq has no script "${name}"; install bullmq 6.7`);
  return `local function ${name}(KEYS, ARGV)\n${script.content}\nend\n`;
}

/** KEYS[1] is the queue's prefix with its last colon; all its keys begin with it. */
export const keyFunction = `
local prefix = KEYS[1]
local function key(name) return prefix .. name end
`;

/** A command that ioredis defines for a script of ours. `base` is KEYS[1]. */
export type Command<Reply> = (keys: number, base: string, ...args: (string | number)[]) => Promise<Reply>;

/** Makes an error of a message that a script returned as data. */
export type ErrorOf = (message: string) => Error;
