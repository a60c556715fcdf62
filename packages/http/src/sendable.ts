import type { PushAnswer } from "./push.ts";

const NAME = /^[\w!#$%&'*+.^`|~-]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * The answer, if a response can be made of it: what `node:http` will not write is thrown where nobody can catch it, and
 * would end the process. Throws `TypeError`.
 */
export function sendable(answer: PushAnswer): PushAnswer {
  const { status, headers, body } = answer;
  if (!Number.isInteger(status) || status < 200 || status > 599) throw new TypeError(`${status} is no status`);
  if (typeof body !== "string") throw new TypeError("the answer's body is no text");
  for (const [name, value] of Object.entries(headers)) {
    if (NAME.test(name) && typeof value === "string" && VALUE.test(value)) continue;
    throw new TypeError(`no header can be ${JSON.stringify(`${name}: ${value}`)}`);
  }
  return answer;
}
