import assert from "node:assert/strict";
import type { Bench, ContractCase } from "../contract-case.ts";

const subject = "body";

async function carries(bench: Bench, bodies: readonly string[]): Promise<void> {
  for (const body of bodies) {
    await bench.put({ body });
    const lease = await bench.leaseOne();
    // Not assert.equal: a failure would print 200 KB.
    assert.ok(lease.body === body, `${JSON.stringify(body.slice(0, 80))} came back changed`);
    await bench.backend.ack([lease]);
  }
}

export const bodyCases: readonly ContractCase[] = [
  {
    subject,
    name: "white space, key order, doubled keys, escapes and number forms come back byte for byte",
    run: (bench) =>
      carries(bench, [
        "{}",
        ' { "b" : 1.0 ,\r\n\t"a" : 1e2 } \n',
        '{"10":0,"9":0,"9":-0}',
        '{"n":12345678901234567890,"e":1E+400,"s":"\\u00e9\\/\\u0000"}',
      ]),
  },
  {
    subject,
    name: "characters beyond ASCII come back as they were, in every plane and unnormalised",
    run: (bench) =>
      carries(bench, [
        '{"s":"\u{1F4F7}\u{10FFFD}"}',
        '{"s":"\u2028\u2029\u00A0\uFEFF"}',
        '{"s":"e\u0301 \u00e9 \uFB01"}',
      ]),
  },
  {
    subject,
    name: "a body is not parsed: text that is not JSON travels like any other",
    run: (bench) => carries(bench, ["{", "not json", '"', "'; drop table jobs; --"]),
  },
  {
    subject,
    name: "a body of 200 KB comes back whole",
    appliesTo: (has) => has.maxBodyBytes >= 200_000 || "bodies are limited below 200 KB (maxBodyBytes)",
    run: (bench) => carries(bench, [JSON.stringify("0123456789".repeat(19_999))]),
  },
];
