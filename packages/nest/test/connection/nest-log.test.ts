import { type LoggerService, Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { defineJob } from "@waybill/core";
import { expect, onTestFinished, test } from "vitest";
import { JobHandler, JobQueue, WaybillModule } from "../../src/index.ts";

class CardDeclined extends Error {
  readonly code = "card_declined";
}
const charge = defineJob({ type: "card.charge", retry: { maxAttempts: 2, initial: 1, jitter: false } });

class Charges {
  @JobHandler(charge)
  run(): void {
    throw new CardDeclined("no \u001b[2Jmoney", { cause: new RangeError("limit of 7") });
  }
}

@Module({
  imports: [WaybillModule.forRoot({ url: "memory:", worker: {}, log: "nest" }), WaybillModule.forFeature([charge])],
  providers: [Charges],
})
class AppModule {}

test('log: "nest" hands each line to the application\'s logger, at its level, with stack and causes', async () => {
  const said: unknown[][] = [];
  const at =
    (level: string) =>
    (...given: unknown[]): void =>
      void (given.at(-1) === "Waybill" && said.push([level, ...given]));
  const logger: LoggerService = { log: at("log"), warn: at("warn"), error: at("error") };
  const app = await NestFactory.createApplicationContext(AppModule, { logger });
  onTestFinished(() => app.close());
  const { id } = await app.get(JobQueue).enqueue(charge, null);
  await expect.poll(() => said.some(([level]) => level === "error"), { timeout: 10_000 }).toBe(true);
  const of = (level: string) => said.filter(([one]) => one === level);
  const words = of("log").map(([, text]) => String(text).split(" ").slice(0, 3).join(" "));
  expect(words).toContain(`enqueued card.charge ${id}`);
  expect(words.filter((text) => text === `started card.charge ${id}`)).toHaveLength(2);
  expect(of("warn")).toEqual([
    [
      "warn",
      expect.stringMatching(
        /^settled card\.charge \S+ retry .*attempt=1.*card_declined: CardDeclined: no .\[2Jmoney[^]*\n {4}at .*nest-log\.test\.ts[^]*\ncaused by RangeError: limit of 7\n {4}at /,
      ),
      "Waybill",
    ],
  ]);
  expect(of("error")).toEqual([
    [
      "error",
      expect.stringMatching(/^settled card\.charge \S+ dead .*attempt=2.*ATTEMPTS_EXHAUSTED: /),
      expect.stringMatching(
        /^CardDeclined \[card_declined\]: no .\[2Jmoney\n {4}at .*nest-log\.test\.ts[^]*\ncaused by RangeError/,
      ),
      "Waybill",
    ],
  ]);
  expect(JSON.stringify(said)).not.toContain("\\u001b");
});
