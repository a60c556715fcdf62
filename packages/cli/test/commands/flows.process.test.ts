import { connect } from "@waybill/core";
import { expect, test } from "vitest";
import { freshPlace, jsonLines, waybill } from "../cli.ts";

test("waybill flows lists a flow, shows its members and cancels it once", async () => {
  const { env } = freshPlace();
  const flows = (...args: string[]) => waybill(["flows", ...args], { env });
  expect(await flows("list")).toMatchObject({ code: 0, stdout: "There is no flow.\n" });
  const jobs = await connect(env["WAYBILL_URL"], { log: "off" });
  const flow = jobs.flow("album");
  flow.add("album.publish", 1, { after: flow.add("photo.resize", 2) });
  const { id } = await flow.start();
  await jobs.close();
  expect((await flows("list")).stdout).toMatch(new RegExp(`^${id} +album +running +2 +.* ago +-$`, "m"));
  const { stdout } = await flows("show", id);
  expect(stdout).toMatch(/photo\.resize +default +enqueued +- +-$/m);
  expect(stdout).toMatch(/album\.publish +default +waiting +1 completed +-$/m);
  expect(jsonLines((await flows("cancel", id, "--json")).stdout)).toEqual([{ id, cancelled: true }]);
  expect(await flows("cancel", id)).toMatchObject({ code: 1, stderr: expect.stringContaining("has ended") });
  expect(await flows("show", "nope")).toMatchObject({ code: 1, stderr: expect.stringContaining("flows list") });
});
