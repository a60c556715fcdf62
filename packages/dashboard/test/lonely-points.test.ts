import { expect, test } from "vitest";
import { lonely } from "../page/lonely-points.ts";

test.each([
  [
    [null, 4, null, 3, 3, null, 7],
    [1, 6],
  ],
  [[5], [0]],
  [[1, 2], []],
  [[1, null], [0]],
  [[undefined, 0, undefined], [1]],
  [[], []],
])("of %j the points %j have no line to a neighbour", (values, found) => {
  expect(lonely(values)).toEqual(found);
});
