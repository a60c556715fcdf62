import { expect, test } from "vitest";
import type { Sent, Served } from "./served.ts";

/** The request, the response, and what the log says of it. */
export type Refusal = readonly [
  is: string,
  sent: () => Sent | Promise<Sent>,
  status: number,
  code: string,
  why: RegExp,
];

/**
 * One test for each row: the response has only its code, no job runs or is stored, and no secret is in the response or
 * in the log.
 */
export function refuses(served: () => Served, secrets: () => readonly string[], rows: readonly Refusal[]): void {
  test.each(rows)("%s", async (_is, sent, status, code, why) => {
    const { refused, ran } = served();
    const before = ran.length;
    refused.length = 0;
    const made = await sent();
    const got = await served().post(made);
    expect({ status: got.status, ...(JSON.parse(got.body) as object) }).toEqual({
      status,
      code,
      title: expect.any(String) as string,
      type: `urn:waybill:problem:${code.toLowerCase()}`,
    });
    expect(refused.map((event) => [event.status, event.code])).toEqual([[status, code]]);
    expect(refused[0]?.message).toMatch(why);
    expect(ran.length).toBe(before);
    const shown = got.body + JSON.stringify(got.headers) + JSON.stringify(refused);
    for (const secret of [...secrets(), ...tokensIn(made)]) expect(shown).not.toContain(secret);
  });
}

/** The tokens and signatures of a request, which must not be shown. */
function tokensIn({ headers }: Sent): string[] {
  const proofs = [headers["authorization"]?.split(" ")[1], headers["upstash-signature"]];
  return proofs.filter((proof) => proof !== undefined && proof.length > 12) as string[];
}
