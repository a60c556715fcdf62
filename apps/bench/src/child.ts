import { measurements, type MeasurementName } from "./measurements/index.ts";

/** One measurement, alone in this process: `child.js NAME INPUT_JSON`, answered over IPC. */
async function answer(name: string, input: string): Promise<void> {
  if (!(name in measurements)) throw new Error(`there is no measurement "${name}"`);
  const run = measurements[name as MeasurementName] as (input: unknown) => Promise<unknown>;
  const result = await run(JSON.parse(input));
  await new Promise((sent) => process.send?.({ result }, sent));
  process.exit(0);
}

const [name = "", input = "{}"] = process.argv.slice(2);
void answer(name, input).catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
