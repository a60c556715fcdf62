import type { Broker } from "./broker.ts";

/** Loaded one at a time: the libraries of the others would count as memory of the one that is measured. */
export const brokers = {
  bullmq: async () => (await import("./bullmq.ts")).bullmq,
  postgres: async () => (await import("./postgres.ts")).postgres,
  rabbitmq: async () => (await import("./rabbitmq.ts")).rabbitmq,
  sqs: async () => (await import("./sqs.ts")).sqs,
} as const satisfies Readonly<Record<string, () => Promise<Broker>>>;

export type BrokerName = keyof typeof brokers;
export const brokerNames = Object.keys(brokers) as readonly BrokerName[];
