import { expectTypeOf, test } from "vitest";
import { z } from "zod";
import type { JsonInput } from "../../src/job/json-input.ts";

test("the compiler names the member at fault and what to write", () => {
  const at = z.object({ order: z.object({ at: z.date() }) });
  type At = JsonInput<typeof at>["cannot be enqueued"];
  expectTypeOf<At>().toEqualTypeOf<"order.at is a Date; send its ISO string, as z.iso.datetime() takes it">();
  const totals = z.array(z.object({ total: z.bigint() }));
  type Total = JsonInput<typeof totals>["cannot be enqueued"];
  expectTypeOf<Total>().toEqualTypeOf<"[].total is a bigint; send a string, as z.string() takes it">();
  type Whole = JsonInput<z.ZodDate>["cannot be enqueued"];
  expectTypeOf<Whole>().toEqualTypeOf<"the payload is a Date; send its ISO string, as z.iso.datetime() takes it">();
  const sizes = z.record(z.string(), z.map(z.string(), z.number()));
  type Sizes = JsonInput<typeof sizes>["cannot be enqueued"];
  expectTypeOf<Sizes>().toEqualTypeOf<"* is a Map; send an object">();
});
