import { Module } from "@nestjs/common";
import { WaybillModule } from "@waybill/nest";
import { sendReceipt } from "./jobs.js";
import { Mail } from "./mail.js";
import { OrdersController } from "./orders.controller.js";
import { OrdersService } from "./orders.service.js";
import { Receipts } from "./receipts.js";

@Module({
  imports: [
    WaybillModule.forRoot({
      url: process.env.WAYBILL_URL ?? "sqlite:./waybill.db",
      // Without `worker` this process enqueues jobs and runs none.
      worker: { concurrency: 10 },
      log: "nest",
    }),
    WaybillModule.forFeature([sendReceipt]),
  ],
  controllers: [OrdersController],
  providers: [OrdersService, Receipts, Mail],
})
export class AppModule {}
