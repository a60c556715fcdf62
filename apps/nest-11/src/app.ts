import { Module } from "@nestjs/common";
import { WaybillModule } from "@waybill/nest";
import { Database } from "./database.ts";
import { sendReceipt } from "./jobs.ts";
import { Orders } from "./orders.ts";
import { Receipts } from "./receipts.ts";

const { WAYBILL_URL = "sqlite:./waybill.db", WAYBILL_KEYS = "", ROLE = "all", MAX_MEMORY_BYTES = 4e9 } = process.env;

/** One build, and what a process of it does is its environment's to say. */
@Module({
  imports: [
    WaybillModule.forRootAsync({
      useFactory: () => ({
        url: WAYBILL_URL,
        worker: ROLE === "web" ? undefined : { concurrency: 2, maxMemoryBytes: Number(MAX_MEMORY_BYTES) },
        push: ROLE === "worker" ? undefined : { keys: WAYBILL_KEYS },
      }),
    }),
    WaybillModule.forFeature([sendReceipt]),
  ],
  controllers: [Orders],
  providers: [Database, Receipts],
})
export class AppModule {}
