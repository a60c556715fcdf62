import { Logger } from "@nestjs/common";
import type { ErrorRecord, LogLine } from "@waybill/core";
import { errorText } from "@waybill/core/backend";
import { printable, logText } from "@waybill/core/endpoint";

/**
 * Returns a function that writes log lines to Nest's logger, at the line's level, with the context "Waybill". An error is
 * written with its stack and causes.
 */
export function nestLog(): (line: LogLine) => void {
  const logger = new Logger("Waybill");
  return (line) => {
    const text = logText(line);
    const thrown = line["error"] === undefined ? undefined : stackOf(line["error"] as ErrorRecord);
    switch (line.level) {
      case "info":
        return logger.log(text);
      case "warn":
        return logger.warn(thrown === undefined ? text : `${text}\n${thrown}`);
      case "error":
        return thrown === undefined ? logger.error(text) : logger.error(text, thrown);
    }
  };
}

const stackOf = (error: ErrorRecord): string => errorText(error).split("\n").map(printable).join("\n");
