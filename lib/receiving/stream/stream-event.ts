/** The events of a subscription's stream, and the data that is read before they are applied. */
import type { ParsedCallback } from "../../domain/wire/callback-body.ts";
import type { DiffContent } from "../../domain/diff/diff-content.ts";
import type { Place } from "../../domain/terms/scope.ts";
import type { Timestamp } from "../../domain/terms/timestamp.ts";

/** One numbered callback of a subscription, or one diff of its backlog. */
export interface StreamEvent {
  readonly sequence: number;
  /** `diff`: content at hand. `low`: content at `url`. `part`: a resync of one place, from `url`, else the content, else read again. */
  readonly kind: "diff" | "low" | "part";
  readonly content?: DiffContent;
  readonly url?: string;
  readonly place?: Place;
  /** As the publisher wrote it, and in a form that compares. */
  readonly timestamp?: Timestamp;
  /** What the body said, to be compared with the subscription; absent for a backlog's diff. */
  readonly parsed?: ParsedCallback;
  /** The body as it was sent; absent for a backlog's diff. */
  readonly sent?: { readonly body: Uint8Array; readonly encoding?: string };
}

/** Data for applying events, read before they may be applied. */
export interface Prepared {
  readonly key: string;
  readonly read: unknown;
}

/** A low callback's data was refused, or makes no sense: it is unavailable for good, and only a recovery helps. */
export class ContentRefused extends Error {
  override readonly name = "ContentRefused";
}
