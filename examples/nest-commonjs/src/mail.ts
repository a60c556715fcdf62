import { Injectable, Logger } from "@nestjs/common";

/** Stands for your mail service. */
@Injectable()
export class Mail {
  private readonly logger = new Logger(Mail.name);

  async sendReceipt(orderId: string, signal: AbortSignal) {
    signal.throwIfAborted();
    this.logger.log(`receipt for ${orderId}`);
  }
}
