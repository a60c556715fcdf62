import type { BackendFactory } from "@waybill/core/backend";
import { targets } from "../backends.ts";
import { isDefect, planted } from "./defects.ts";

const schemes = { sqlite: "sqlite", redis: "bullmq", postgres: "postgres", amqp: "rabbitmq", sqs: "sqs" } as const;

/** Returns the backend of a URL with a defect in it. */
export function openWithDefect(url: string, defect: string): BackendFactory {
  if (!isDefect(defect)) throw new Error(`WAYBILL_FAULTS_DEFECT: there is no defect "${defect}"`);
  const scheme = url.slice(0, url.indexOf(":"));
  const name = Object.hasOwn(schemes, scheme) ? schemes[scheme as keyof typeof schemes] : null;
  const target = targets.find((one) => one.name === name);
  if (target === undefined) throw new Error(`no backend is for the scheme "${scheme}:"`);
  return planted(target.factory(url), url, defect);
}
