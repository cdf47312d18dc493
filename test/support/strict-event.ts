/** CloudEvents by their official SDK, in strict mode: every event that the service sends in a test goes through here. */
import { CloudEvent } from "cloudevents";

type Envelope = ConstructorParameters<typeof CloudEvent>[0];

/** The event of a structured envelope. @throws when the SDK does not take it */
export function strictEvent(envelope: unknown): CloudEvent<unknown> {
  return new CloudEvent(envelope as Envelope, true);
}

/** What is wrong with the event of a log line that says what would be on EventBridge; undefined: nothing, or no such line. */
export function busFault(line: string): string | undefined {
  if (!line.includes('"event bus"')) return undefined;
  try {
    const { Source, DetailType, Detail } = JSON.parse(line.slice(line.indexOf("{"))) as Record<string, string>;
    const { source, type } = strictEvent(JSON.parse(Detail ?? ""));
    const isNamed = DetailType === type && Source === `actingweb.${String(source.split("/").at(-1))}`;
    return isNamed ? undefined : `${String(Source)} and ${String(DetailType)} are not those of the event`;
  } catch (error) {
    return String(error);
  }
}
