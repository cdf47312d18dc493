/** The body of a callback, as text: what its subscriptions share is made into JSON once. */
import { compact } from "../../system/compact.ts";
import { formOf, formOfResync } from "../../domain/diff/diff-limits.ts";
import { printJson } from "../../domain/json/json-text.ts";
import type { RenderedDiff } from "../../domain/log/subscription-log.ts";
import type { Json } from "../../system/ports.ts";
import type { InboundHead } from "../subscribers/inbound-head.ts";
import { stateUrl } from "../subscribers/state-url.ts";

/** One callback, ready to go. */
export interface CallbackBody {
  /** JSON. */
  readonly text: string;
  /** Headers that say why it is not what was asked for. */
  readonly headers: Readonly<Record<string, string>>;
  /** It carries its data: once taken it may leave. */
  readonly whole: boolean;
}

/** JSON texts of values that several subscribers receive. Holds what it was given no longer than that lives. */
export class JsonTexts {
  readonly #texts = new WeakMap<object, string>();

  /** As `JSON.stringify`. */
  of(value: Json): string {
    if (value === null || typeof value !== "object") return printJson(value);
    const known = this.#texts.get(value);
    if (known !== undefined) return known;
    const text = printJson(value);
    this.#texts.set(value, text);
    return text;
  }

  /** The same; the members of an object may be shared although it is not. */
  ofMembers(value: Json): string {
    if (value === null || typeof value !== "object" || Array.isArray(value)) return this.of(value);
    return `{${Object.entries(value)
      .map(([name, member]) => `${JSON.stringify(name)}:${this.of(member)}`)
      .join(",")}}`;
  }
}

/**
 * What the peer is sent for a number; undefined for a subscription that only polls.
 *
 * @param root our actor's root
 * @param supportsResync what fresh cached capabilities say; undefined when there are none
 */
export function callbackBody(
  head: InboundHead,
  rendered: RenderedDiff,
  { root, supportsResync, texts }: { root: string; supportsResync: boolean | undefined; texts: JsonTexts },
): CallbackBody | undefined {
  const { granularity } = head.state;
  const write = (said: string, rest: string): string =>
    `{${envelope(head, rendered)},"granularity":${JSON.stringify(said)}${rest}}`;
  const low = (): string => write("low", `,"url":${JSON.stringify(diffUrl(root, head, rendered.sequence))}`);
  const resync = (): string => write(granularity, `,"type":"resync","url":${JSON.stringify(stateUrl(root, head))}`);
  if (rendered.content === "resync") {
    const form = formOfResync(granularity, supportsResync);
    if (form === "none") return undefined;
    return { text: form === "low" ? low() : resync(), headers: {}, whole: form === "resync" };
  }
  if (granularity === "none") return undefined;
  if (granularity === "low") return { text: low(), headers: {}, whole: false };
  const { data, overwritten } = rendered.content;
  const text = write("high", `,"data":${texts.ofMembers(data)},"overwritten":${JSON.stringify(overwritten)}`);
  const { form, headers } = formOf({ bytes: Buffer.byteLength(text), granularity, supportsResync });
  if (form === "high") return { text, headers, whole: true };
  return form === "resync" ? { text: resync(), headers, whole: true } : { text: low(), headers, whole: false };
}

function envelope(head: InboundHead, rendered: RenderedDiff): string {
  const fields = compact({
    id: head.actorId,
    subscriptionid: head.id,
    target: head.target,
    subtarget: head.subtarget,
    resource: head.resource,
    sequence: rendered.sequence,
    timestamp: rendered.at,
  });
  return JSON.stringify(fields).slice(1, -1);
}

/** Where one diff is read. */
function diffUrl(root: string, head: InboundHead, sequence: number): string {
  return [root, "subscriptions", encodeURIComponent(head.peerId), encodeURIComponent(head.id), sequence].join("/");
}
