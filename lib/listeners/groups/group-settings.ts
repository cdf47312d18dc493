/** What an owner says of a consumer group. A PUT states all of it. */
import { hash } from "node:crypto";
import * as z from "zod/mini";
import type { Selection } from "../../domain/events/selection.ts";
import { canonicalJson } from "../../domain/json/canonical-json.ts";
import { checked } from "../../http/body.ts";
import { compact } from "../../system/compact.ts";
import { ServiceError } from "../../system/errors.ts";
import type { Json } from "../../system/ports.ts";
import { selectionFields, selectionFrom, whole } from "../selection-fields.ts";
import { demandNamed, demandPreconditions, differencesOf, type Preconditions } from "../preconditions.ts";

/** Settings with their defaults. Sets are sorted, so that equal settings are equal texts. */
export interface GroupSettings {
  /** Patterns as `parsePattern` returns them. */
  readonly topics: readonly string[];
  readonly types?: readonly string[];
  /** How many consumers can work side by side. */
  readonly lanes: number;
  readonly order: "key" | "strict";
  readonly leaseSeconds: number;
  readonly maxAttempts: number;
  readonly onExhausted: "park" | "stop";
}

/** What a PUT asks for. `from`: counts when the group is created. */
export interface GroupRequest {
  readonly settings: GroupSettings;
  readonly from: string;
}

/** The longest lease. */
const MOST_LEASE_SECONDS = 600;
/** A drain is over after so long, ms: a lease that was given before ends by then, and is extended no further. */
export const MOST_DRAIN_MS = MOST_LEASE_SECONDS * 1_000;

const MOST_LANES = 16;

export const groupBody = z.object({
  ...selectionFields,
  // How many, or the lanes as a GET shows them, so that what it gives can be put again.
  lanes: z.nullish(
    z.union(
      [whole(1, MOST_LANES), z.array(z.unknown()).check(z.minLength(1), z.maxLength(MOST_LANES))],
      `must be a whole number from 1 to ${String(MOST_LANES)}, or as many lanes`,
    ),
  ),
  order: z.nullish(z.enum(["key", "strict"])),
  leaseSeconds: z.nullish(whole(1, MOST_LEASE_SECONDS)),
  maxAttempts: z.nullish(whole(1, 20)),
  onExhausted: z.nullish(z.enum(["park", "stop"])),
});

/** Reads what a PUT asks for. @throws ServiceError request.invalid which names the field */
export function readGroupRequest(value: unknown, body = groupBody): GroupRequest {
  const given = checked(value, body);
  const { lanes = 1 } = compact({ lanes: given.lanes ?? undefined });
  const settings: GroupSettings = {
    ...selectionFrom(given),
    lanes: typeof lanes === "number" ? lanes : lanes.length,
    order: given.order ?? "key",
    leaseSeconds: given.leaseSeconds ?? 30,
    maxAttempts: given.maxAttempts ?? 5,
    onExhausted: given.onExhausted ?? "park",
  };
  return { settings, from: given.from ?? "now" };
}

/**
 * The settings as a group of one actor has them. Strict order has one lane: with more, a consumer that finds the events with
 * another would be answered that there are none.
 */
export const ofOneActor = (settings: GroupSettings): GroupSettings =>
  settings.order === "strict" ? { ...settings, lanes: 1 } : settings;

/** Which events a group hears. */
export const selectionOf = ({ topics, types }: GroupSettings): Selection => compact({ topics, types });

/** The strong entity tag of the settings. */
export const tagOf = (settings: GroupSettings): string =>
  `"${hash("sha256", canonicalJson(settings as unknown as Json), "base64url").slice(0, 32)}"`;

/**
 * Decides a PUT on the settings that are stored, if any are.
 *
 * @throws ServiceError request.precondition_failed when a precondition does not hold; request.precondition_required when
 *   something differs and the request does not say what it was made on; resource.conflict for another number of lanes
 */
export function decideGroupPut(
  stored: GroupSettings | undefined,
  settings: GroupSettings,
  preconditions: Preconditions,
): "created" | "changed" | "same" {
  const tag = stored === undefined ? undefined : tagOf(stored);
  demandPreconditions("group", tag, preconditions);
  if (stored === undefined) return "created";
  const [before, after] = [stored, settings] as unknown as [Record<string, Json>, Record<string, Json>];
  const fields = differencesOf(before, after);
  if (fields.length === 0) return "same";
  demandNamed("group", fields, preconditions);
  const fixed = fields.find((field) => field === "lanes" || field === "order");
  if (fixed === undefined) return "changed";
  const how = fixed === "lanes" ? "are changed by a reset" : "stays; delete the group and make it again";
  const message = `The ${fixed} of a group ${how}: an event that is lent must not come to another lane.`;
  throw new ServiceError("resource.conflict", message, { field: fixed });
}
