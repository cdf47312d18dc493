import type { IncomingMessage, ServerResponse } from "node:http";
import { Webhook } from "standardwebhooks";
import { strictEvent } from "../strict-event.ts";
import { eventFaults } from "../openapi/exchanges.ts";
import { answerCallback, takes, type Behaviour } from "./behaviour.ts";

/** One request to a receiver, verified. */
export interface ReceivedEvent {
  readonly id: string;
  readonly topic: string;
  readonly position: string;
  readonly sequence: number | undefined;
  // Tests look into data of many shapes.
  readonly data: any;
  readonly isTaken: boolean;
}

/**
 * A receiver of webhooks: it verifies every request by the standard's own library, parses it by the official SDK of
 * CloudEvents in strict mode, compares it with the OpenAPI document, and answers as its behaviour says.
 */
export class EventReceiver {
  readonly url: string;
  readonly received: ReceivedEvent[] = [];
  /** What did not verify or parse; none is right. */
  readonly faults: string[] = [];
  secret = "";
  /** Undefined: the event is taken. */
  behaviour: (event: ReceivedEvent) => Behaviour | undefined = () => undefined;

  constructor(url: string) {
    this.url = url;
  }

  /** Events that were taken, in the order of their first time. */
  get taken(): readonly ReceivedEvent[] {
    const seen = new Set<string>();
    return this.received.filter(({ id, isTaken }) => isTaken && !seen.has(id) && seen.add(id));
  }

  serve(sent: Buffer, request: IncomingMessage, response: ServerResponse): void {
    let event: ReceivedEvent;
    try {
      const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
      const envelope = new Webhook(this.secret).verify(sent.toString(), headers);
      const parsed = strictEvent(envelope);
      this.faults.push(...eventFaults(envelope));
      const { id, subject = "", data } = parsed;
      if (headers["webhook-id"] !== id) this.faults.push("another id than that of its event");
      const sequence = parsed["sequence"] === undefined ? undefined : Number(parsed["sequence"]);
      event = { id, topic: subject, position: String(parsed["position"]), sequence, data, isTaken: true };
    } catch (error) {
      this.faults.push(String(error));
      response.writeHead(400).end();
      return;
    }
    const behaviour = this.behaviour(event);
    this.received.push({ ...event, isTaken: takes(behaviour) });
    answerCallback(behaviour, request, response);
  }
}
