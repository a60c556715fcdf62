import { expectTypeOf, test } from "vitest";
import type { Seam } from "../../src/backend/seam.ts";
import type { BackendFacts, ProducerSeam } from "../../src/backend/producer-seam.ts";

test("the backend is private to the seam: beside the seam's own calls only its name, address and capabilities are reachable", () => {
  expectTypeOf<keyof BackendFacts>().toEqualTypeOf<"name" | "address" | "capabilities">();
  expectTypeOf<Seam["backend"]>().toEqualTypeOf<BackendFacts>();
  expectTypeOf<keyof ProducerSeam>().toEqualTypeOf<
    "backend" | "ledger" | "enqueue" | "enqueueIn" | "whenIdle" | "close"
  >();
  const calls = (seam: Seam) => [
    seam.ack,
    // @ts-expect-error an ack beside that of the seam
    seam.backend.ack,
    // @ts-expect-error a lease beside that of the seam
    seam.backend.lease,
    // @ts-expect-error the backend as it was opened
    seam.raw,
  ];
  expectTypeOf(calls).parameter(0).toEqualTypeOf<Seam>();
});
