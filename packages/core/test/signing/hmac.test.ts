import { createHmac, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { Hmac } from "../../src/signing/hmac.ts";

test.each([1, 24, 32, 63, 64])(
  "with a key of %i bytes it is what node:crypto makes, for text and for bytes",
  (length) => {
    for (const body of ["", "żółw \u2028 \0", "x".repeat(100_000), randomBytes(57)]) {
      const key = randomBytes(length);
      const theirs = createHmac("sha256", key).update("id.1.ü").update(body).digest("base64");
      expect(new Hmac(key).digest("id.1.ü", body)).toBe(theirs);
    }
  },
);
