import { expect, test } from "vitest";
import { deadReason } from "../../../src/features/why/dead.ts";

test.each(["JOB_LOST", "FLOW_INVALID"])("a dead letter of a flow has an explanation of its own: %s", (code) => {
  const letter = { id: "a", type: "mail.send", queue: "mailers", attempt: 1, diedAt: null };
  const { text, remedy } = deadReason({ ...letter, reason: { code, message: "so it was said" } });
  expect(text).toContain(`(${code}: so it was said)`);
  expect(text).not.toContain("it was refused");
  expect(remedy).not.toContain("Mend what the code says");
});

test("a refused body is not to be replayed, since its bytes stay wrong", () => {
  const letter = { id: "a", type: "mail.send", queue: "mailers", attempt: 1, diedAt: null };
  const { text, remedy } = deadReason({ ...letter, reason: { code: "FIELD_TYPE", message: "/args: an array" } });
  expect(text).toContain("it was refused (FIELD_TYPE: /args: an array)");
  expect(remedy).toMatch(/enqueue a corrected job, and drop this one, .*: waybill dead drop --id a$/);
  expect(remedy).not.toContain("dead replay");
});

test("what a newer worker may accept is replayed", () => {
  const letter = { id: "a", type: "mail.send", queue: "mailers", attempt: 1, diedAt: null };
  const { remedy } = deadReason({ ...letter, reason: { code: "CRIT_UNSUPPORTED", message: "x" } });
  expect(remedy).toContain("waybill dead replay --id a");
});
