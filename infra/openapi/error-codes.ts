/** The error codes on the wire with their statuses, and what the body of an error is. */
import { CATALOGUE } from "../../lib/system/errors.ts";
import { array, choice, maybe, object, said, text, type Schema } from "./operation.ts";

const INTERNAL = "internal_error";

/** The status of each code. */
export const statusOf: ReadonlyMap<string, number> = new Map<string, number>([
  ...Object.values(CATALOGUE).map(([status, code]): [string, number] => [code, status]),
  [INTERNAL, 500],
]);

export const errorCodes: readonly string[] = [...statusOf.keys()];

/** The body of an error that has one of these codes. */
export const errorBody = (codes: readonly string[]): Schema =>
  object({
    error: object({
      code: choice(...codes),
      message: said("One sentence that a person can act on."),
      requestId: said("What the log of the service names the request by."),
      field: maybe(said("What is at fault, as the client named it.")),
      fields: maybe(said("The settings that differ.", array(text))),
      expected: maybe(said("The number that the stream waits for.", { type: "integer" })),
      peerStatus: maybe(said("What the peer answered.", { type: "integer" })),
      task: maybe(said("The task that runs.")),
      status: maybe(said("How the consumer group stands.")),
      position: maybe(said("The event at which it stopped.")),
      holder: maybe(said("The consumer that has a lane.")),
      until: maybe(said("When its lease ends.")),
    }),
  });
