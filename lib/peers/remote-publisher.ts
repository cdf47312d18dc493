import { compact } from "../system/compact.ts";
import type { DiffContent } from "../domain/diff/diff-content.ts";
import type { Polled, Publisher, ReadFailure, StateListing } from "./publisher.ts";
import { failureOf } from "./read-answer.ts";
import { listState, type StateRequest } from "./read-state.ts";
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
    switch (polled.is) {
      case "absent":
        if (polled.status === 410) return { is: "ended" };
        return compact({ is: "unknown" as const, retryAfter: polled.retryAfter });
      case "failed":
        return polled;
      case "unreadable": {
        const sequence = polled.sequence ?? (await readPosition(this.#remote, subscriptionId));
        if (typeof sequence === "object") return { is: "failed", failure: sequence };
        return compact({ is: "unreadable" as const, reason: polled.reason, sequence });
      }
      case "value": {
        const { sequence, diffs, complete, others } = polled.value;
        if (complete) {
          return compact({ is: "backlog" as const, sequence, diffs, others: others.length > 0 ? others : undefined });
        }
        return { is: "unreadable", reason: "The backlog is too large to be read.", sequence };
      }
    }
  }

  async fetchDiff(
    url: string,
    sequence?: number,
  ): Promise<
    | { readonly is: "content"; readonly content: DiffContent }
    | { readonly is: "refused" | "failed"; readonly failure: ReadFailure }
  > {
    const read = await readDiff(this.#remote, { url }, sequence);
    if (read.is === "value") return { is: "content", content: read.value };
    if (read.is === "absent") return { is: "refused", failure: { reason: "The peer does not have this diff." } };
    const { failure } = read;
    const isClientError = failure.status !== undefined && failure.status < 500;
    // Asking again would give the same; the recovery that follows finds the content another way.
    return { is: failure.unwell === true && !isClientError ? "failed" : "refused", failure };
  }

  listState(what: StateRequest): Promise<StateListing> {
    return listState(this.#remote, what);
  }

  async acknowledge(subscriptionId: string, sequence: number): Promise<ReadFailure | undefined> {
    const answer = await acknowledge(this.#remote, subscriptionId, sequence);
    return answer.ok ? undefined : failureOf(answer);
  }
}
