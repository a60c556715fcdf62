import { Module } from "@nestjs/common";
import { WaybillModule } from "@waybill/nest";
import { sendReceipt } from "./jobs";
import { Mail } from "./mail";
import { OrdersController } from "./orders.controller";
import { OrdersService } from "./orders.service";
import { Receipts } from "./receipts";

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
