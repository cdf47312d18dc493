import type { StateRequest, StatePart, ReadFailure } from "../../../lib/peers/publisher.ts";
import { listState } from "../../../lib/peers/read-state.ts";
import type { RemoteActor } from "../../../lib/peers/remote-actor.ts";
import type { Place } from "../../../lib/domain/terms/scope.ts";

/** A state as it is read in one go. */
export type WholeState =
  | {
      readonly is: "state";
      readonly parts: readonly StatePart[];
      /** Places whose answer said nothing, with why. */
      readonly stale: Readonly<Record<string, string>>;
      readonly leftOut: readonly string[];
      readonly sequence?: number;
      readonly stopped?: ReadFailure;
    }
  | { readonly is: "absent" }
  | { readonly is: "failed"; readonly failure: ReadFailure };

/** Lists a state and reads all of it. */
export async function wholeState(remote: RemoteActor, requested: StateRequest): Promise<WholeState> {
  const listing = await listState(remote, requested);
  if (listing.is !== "listing") return listing;
  const { answers, sequence, stopped } = await listing.read(listing.places, { patient: false });
  const nameOf = (place: Place): string => place.join("/");
  return {
    is: "state",
    parts: answers.flatMap((answer) => (answer.is === "part" ? [answer.part] : [])),
    stale: Object.fromEntries(
      answers.flatMap((answer) => (answer.is === "failed" ? [[nameOf(answer.place), answer.failure.reason]] : [])),
    ),
    leftOut: listing.leftOut,
    ...(sequence === undefined ? {} : { sequence }),
    ...(stopped === undefined ? {} : { stopped }),
  };
}
