import { Logger } from "@aws-lambda-powertools/logger";
import type { Log } from "./ports.ts";

/** An error in a log line: its name, message and stack, never its other members (items, requests, headers). */
function plain(value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  return { name: value.name, message: value.message, stack: value.stack };
}

/** Structured lines on the standard output, one per decision, through Powertools. */
export function powertoolsLog(serviceName: string): Log {
  const logger = new Logger({ serviceName });
  const fieldsOf = (fields: Readonly<Record<string, unknown>> = {}): Record<string, unknown> =>
    Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, plain(value)]));
  return {
    info: (message, fields) => logger.info(message, fieldsOf(fields)),
    warn: (message, fields) => logger.warn(message, fieldsOf(fields)),
    error: (message, fields) => logger.error(message, fieldsOf(fields)),
  };
}
