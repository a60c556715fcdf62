import { measurements, type MeasurementName } from "./measurements/index.ts";

/** One measurement, alone in this process: `child.js NAME INPUT_JSON`, with its result over IPC. */
async function respond(name: string, input: string): Promise<void> {
  if (!(name in measurements)) throw new Error(`there is no measurement "${name}"`);
  const run = measurements[name as MeasurementName] as (input: unknown) => Promise<unknown>;
  const result = await run(JSON.parse(input));
  await new Promise((sent) => process.send?.({ result }, sent));
  process.exit(0);
}

const [name = "", input = "{}"] = process.argv.slice(2);
void respond(name, input).catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
