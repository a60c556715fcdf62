import { NestFactory } from "@nestjs/core";
import { ConfigService } from "@nestjs/config";
import { AppModule } from "./app.module.js";
import type { Config } from "./config.js";

async function bootstrap() {
  const app = await NestFactory.create(AppModule);
  // On SIGTERM, running jobs finish before the process ends.
  app.enableShutdownHooks();
  const config: ConfigService<Config, true> = app.get(ConfigService);
  await app.listen(config.get("PORT", { infer: true }));
}
await bootstrap();
