import type { DiffContent } from "../domain/diff-content.ts";
import type { Polled, Publisher, StateAnswer } from "../receiving/ports.ts";
import { readState, type StateWanted } from "./read-state.ts";
import type { RemoteActor } from "./remote-actor.ts";
import { acknowledge, poll, readDiff, readPosition } from "./remote-subscriptions.ts";

/** A trusted peer as receiving needs it. Never rejects for what the peer does. */
export class RemotePublisher implements Publisher {
  readonly baseUri: string;
  readonly #remote: RemoteActor;

  constructor(remote: RemoteActor) {
    this.#remote = remote;
    this.baseUri = remote.baseUri;
  }

  async poll(subscriptionId: string): Promise<Polled> {
    const polled = await poll(this.#remote, subscriptionId);
    if (polled.ok) {
      const { sequence, diffs, complete } = polled.value;
      return complete ? { is: "backlog", sequence, diffs } : { is: "too_large", sequence };
    }
    if (polled.status === 404 || polled.status === 410) return { is: "gone" };
    if (polled.kind !== "too_large") return { is: "failed", reason: polled.message };
    const position = await readPosition(this.#remote, subscriptionId);
    return position.ok ? { is: "too_large", sequence: position.value } : { is: "too_large" };
  }

  async fetchDiff(
    url: string,
    sequence?: number,
  ): Promise<
    | { readonly is: "content"; readonly content: DiffContent }
    | { readonly is: "refused" }
    | { readonly is: "failed"; readonly reason: string }
  > {
    const diff = await readDiff(this.#remote, { url }, sequence);
    if (diff.ok) return { is: "content", content: diff.value };
    if (diff.kind === "server" || diff.kind === "unreachable") return { is: "failed", reason: diff.message };
    // Asking again would give the same; the recovery that follows finds the content another way.
    return { is: "refused" };
  }

  readState(what: StateWanted): Promise<StateAnswer> {
    return readState(this.#remote, what);
  }

  async acknowledge(subscriptionId: string, sequence: number): Promise<boolean> {
    return (await acknowledge(this.#remote, subscriptionId, sequence)).ok;
  }
}
