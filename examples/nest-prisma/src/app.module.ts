import { Module } from "@nestjs/common";
import { WaybillModule } from "@waybill/nest";
import { databaseUrl } from "./database-url.js";
import { sendReceipt } from "./jobs.js";
import { OrdersController } from "./orders.controller.js";
import { OrdersService } from "./orders.service.js";
import { PrismaService } from "./prisma.service.js";
import { Receipts } from "./receipts.js";

@Module({
  imports: [
    WaybillModule.forRoot({
      url: databaseUrl,
      worker: { concurrency: 10 },
      // The application does not start on a backend that has no transactions.
      require: ["transactions"],
      log: "nest",
    }),
    WaybillModule.forFeature([sendReceipt]),
  ],
  controllers: [OrdersController],
  providers: [PrismaService, OrdersService, Receipts],
})
export class AppModule {}
