import { published } from "../../test/workspace.ts";

/** Everything a program may import of ours: "@waybill/core", "@waybill/core/testing", … */
export const entries: readonly string[] = published.flatMap(({ manifest }) =>
  Object.keys(manifest.exports ?? {}).map((path) => `${manifest.name}${path.slice(1)}`),
);
