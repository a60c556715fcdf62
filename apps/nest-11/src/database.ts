import { setTimeout as sleep } from "node:timers/promises";
import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy, type OnModuleInit } from "@nestjs/common";

/** Closed in the first hook of shutdown, as most are; `FAILS` names the hook of start in which it is not to be had. */
@Injectable()
export class Database implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy {
  state = "new";

  async onModuleInit(): Promise<void> {
    await this.#failIn("onModuleInit");
    this.state = "open";
  }
  async onApplicationBootstrap(): Promise<void> {
    await this.#failIn("onApplicationBootstrap");
  }
  onModuleDestroy(): void {
    this.state = "closed";
  }

  async #failIn(hook: string): Promise<void> {
    if (process.env["FAILS"] !== hook) return;
    await sleep(200);
    throw new Error(`the database is not there in ${hook}`);
  }
}
