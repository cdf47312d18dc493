/** What a number of a standalone stream means: its caller's handler is called. */
import { gunzipSync, gzipSync } from "node:zlib";
import { sameJson } from "../../domain/json/canonical-json.ts";
import { parseText, printJson } from "../../domain/json/json-text.ts";
import type { Attribute, Condition, Item } from "../../dynamodb/table.ts";
import { ServiceError } from "../../system/errors.ts";
import type { Json } from "../../system/ports.ts";
import type { CallbackType } from "../../failed-events/hook-event.ts";
import type { Applied, EventApplier } from "../stream/event-applier.ts";

/** One numbered callback as its handler gets it. */
export interface ProcessedCallback {
  readonly peerId: string;
  readonly subscriptionId: string;
  readonly sequence: number;
  readonly data: Json;
  readonly callbackType: CallbackType;
}

/** Called for each number in order; what it throws stops the stream before that number. */
export type CallbackHandler = (callback: ProcessedCallback) => void | Promise<void>;

/** Longer texts are kept compressed, bytes. */
const PLAIN_BYTES = 32 * 1024;
/** An item of DynamoDB holds 400 KB with all its attributes. */
const MOST_KEPT_BYTES = 380_000;

/** Keeps events as JSON until they are next, then calls the handler; nothing else. */
export class StandaloneApplier implements EventApplier<ProcessedCallback, undefined> {
  readonly #ids: { readonly peerId: string; readonly subscriptionId: string };
  readonly #handler: CallbackHandler;

  constructor(ids: { readonly peerId: string; readonly subscriptionId: string }, handler: CallbackHandler) {
    this.#ids = ids;
    this.#handler = handler;
  }

  prepare(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  /** A handler that threw counts as never begun: its caller passes the callback again. */
  async apply(event: ProcessedCallback): Promise<Applied> {
    await this.#handler(event);
    return {};
  }

  toBuffer(event: ProcessedCallback): Readonly<Record<string, Attribute>> {
    const text = printJson({ data: event.data, callbackType: event.callbackType });
    if (Buffer.byteLength(text) <= PLAIN_BYTES) return { content: text };
    const packed = gzipSync(text);
    if (packed.byteLength <= MOST_KEPT_BYTES) return { content: packed };
    throw new ServiceError("request.too_large", "The data of this callback is too large to be kept until it is next.");
  }

  fromBuffer(item: Item): ProcessedCallback | undefined {
    const { content } = item as { readonly content?: Attribute };
    const text = content instanceof Uint8Array ? gunzipSync(content).toString("utf8") : content;
    if (typeof text !== "string") return undefined;
    const { data, callbackType } = parseText(text) as Pick<ProcessedCallback, "data" | "callbackType">;
    return { ...this.#ids, sequence: Number(item.sk.split("#")[1]), data, callbackType };
  }

  agrees(one: ProcessedCallback, other: ProcessedCallback): boolean {
    return sameJson(one.data, other.data);
  }

  /** What was processed is not remembered. */
  contradicts(): boolean {
    return false;
  }

  begins(): undefined {
    return undefined;
  }

  begunOtherwise(): boolean {
    return false;
  }

  check(): void {
    // A standalone stream has no scope that an event could contradict.
  }

  /** The buffer is the only source of content: no publisher can be asked. */
  isLost(): boolean {
    return false;
  }

  demands(): readonly Condition[] {
    return [];
  }
}
