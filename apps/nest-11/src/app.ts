import { Module } from "@nestjs/common";
import { WaybillModule } from "@waybill/nest";
import { Database } from "./database.ts";
import { sendReceipt } from "./jobs.ts";
import { Orders } from "./orders.ts";
import { Receipts } from "./receipts.ts";

const { WAYBILL_URL = "sqlite:./waybill.db", WAYBILL_KEYS = "", ROLE = "all" } = process.env;

/** One build, and what a process of it does is its environment's to say. */
@Module({
  imports: [
    WaybillModule.forRootAsync({
      useFactory: () => ({
        url: WAYBILL_URL,
        worker: ROLE === "web" ? undefined : { concurrency: 2 },
        push: ROLE === "worker" ? undefined : { keys: WAYBILL_KEYS },
      }),
    }),
    WaybillModule.forFeature([sendReceipt]),
  ],
  controllers: [Orders],
  providers: [Database, Receipts],
})
export class AppModule {}
