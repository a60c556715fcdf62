import { Module } from "@nestjs/common";
import { ConfigModule, ConfigService } from "@nestjs/config";
import { WaybillModule } from "@waybill/nest";
import { validate, type Config } from "./config.js";
import { buildReport, reindexProduct } from "./jobs.js";
import { ProductsController } from "./products.controller.js";
import { Reports } from "./reports.js";
import { SearchIndex } from "./search-index.js";

@Module({
  imports: [
    ConfigModule.forRoot({ isGlobal: true, validate }),
    WaybillModule.forRootAsync({
      inject: [ConfigService],
      useFactory: (config: ConfigService<Config, true>) => {
        const concurrency = config.get("WORKER_CONCURRENCY", { infer: true });
        return {
          url: config.get("WAYBILL_URL", { infer: true }),
          // One build, two kinds of process: web servers without a worker, and workers.
          ...(concurrency > 0 && { worker: { concurrency } }),
          log: "nest",
        };
      },
    }),
    WaybillModule.forFeature([buildReport, reindexProduct]),
  ],
  controllers: [ProductsController],
  providers: [Reports, SearchIndex],
})
export class AppModule {}
