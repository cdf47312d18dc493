/** Reads the states of public places, for anyone who asks and for the hub. */
import { hash } from "node:crypto";
import { publishedState } from "../../change-log/published-states.ts";
import { publicPermissions, type PublicAccess } from "../../domain/policy/public-access.ts";
import { PROPERTIES, type Place, type Scope } from "../../domain/terms/scope.ts";
import type { Table } from "../../dynamodb/table.ts";
import type { Reply } from "../../http/reply.ts";
import { ListReplies } from "../../properties/list-replies.ts";
import { checkPlace } from "../../properties/limits.ts";
import { OwnProperties } from "../../properties/own-properties.ts";
import { Permit } from "../../properties/permit.ts";
import { allReply, placeReply } from "../../properties/place-replies.ts";
import type { PropertyStore } from "../../properties/property-store.ts";
import { compact } from "../../system/compact.ts";
import { isServiceError, ServiceError } from "../../system/errors.ts";

/** Most bytes of the state of a topic. */
const MAX_STATE_BYTES = 1_024 * 1_024;

/** The application's own targets, as anyone may read them. */
export interface OwnTargets {
  /** True when a hook gives the state of this target. */
  has(target: string): boolean;
  /** The state as JSON text; undefined when there is none. */
  publicText(actorId: string, scope: Scope): Promise<string | undefined>;
}

export interface TopicStatesDeps {
  readonly table: Pick<Table, "get">;
  readonly properties: PropertyStore;
  readonly ownTargets: OwnTargets;
}

/** The state of a topic. */
export interface TopicState {
  readonly contentType: string;
  readonly body: Uint8Array;
  /** Differs exactly when the bytes differ. */
  readonly etag: string;
}

const NO_QUERY = new URLSearchParams();

/** Reads the states of public places. It has no state of its own. */
export class TopicStates {
  readonly #deps: TopicStatesDeps;

  constructor(deps: TopicStatesDeps) {
    this.#deps = deps;
  }

  /**
   * The answer to anyone who reads a place that `access` makes public.
   *
   * @param most the most bytes of the answer, counted as in a function's result
   * @throws ServiceError resource.not_found when there is no state, request.too_large; what a state hook throws
   */
  async reply(actorId: string, access: PublicAccess, path: Place, most: number): Promise<Reply> {
    const { table, properties: store, ownTargets } = this.#deps;
    const [target = "", ...place] = path;
    if (target === PROPERTIES) {
      const properties = new OwnProperties(store, actorId, new Permit(publicPermissions(access)));
      if (place.length === 0) return await allReply(properties, most);
      checkPlace(place);
      const lists = new ListReplies(async (list, start, limit) => await store.items(actorId, list, start, limit), most);
      return await placeReply({ properties, lists }, place, NO_QUERY);
    }
    if (ownTargets.has(target)) return stateReply(await ownTargets.publicText(actorId, scopeOf(path)));
    const published = await publishedState(table, actorId, path);
    if (published === undefined) throw noState();
    return { status: 200, headers: { "content-type": published.contentType }, body: published.body };
  }

  /**
   * The state of a topic; undefined when nothing is there, or more than `MAX_STATE_BYTES`.
   * @throws ServiceError service.unavailable, and what a state hook throws
   */
  async read(actorId: string, access: PublicAccess, path: Place): Promise<TopicState | undefined> {
    try {
      // Counted as in a function's result, JSON takes at most twice its bytes.
      const state = stateOf(await this.reply(actorId, access, path, 2 * MAX_STATE_BYTES));
      return isTopic(state) ? state : undefined;
    } catch (error) {
      if (isServiceError(error) && NO_TOPIC.has(error.code)) return undefined;
      throw error;
    }
  }
}

const NO_TOPIC: ReadonlySet<string> = new Set(["resource.not_found", "request.too_large", "request.invalid"]);

/** The answer with the state that the hook of a target gave. @throws ServiceError resource.not_found when there is none */
export function stateReply(body: string | undefined): Reply {
  if (body === undefined) throw noState();
  const tooLarge = "The state at this path is too large for one answer; ask for a part of it.";
  return { status: 200, headers: { "content-type": "application/json" }, body, tooLarge };
}

/** The state in an answer. */
export function stateOf({ headers, body = "" }: Reply): TopicState {
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  const etag = `"${hash("sha256", bytes, "base64url")}"`;
  return { contentType: headers["content-type"] ?? "", body: bytes, etag };
}

/** True when a state is small enough for a topic. */
export const isTopic = ({ body }: TopicState): boolean => body.byteLength <= MAX_STATE_BYTES;

/** The scope of a place at a target. */
function scopeOf([target = "", subtarget, ...resource]: Place): Scope {
  return compact({ target, subtarget, resource: resource.length === 0 ? undefined : resource.join("/") });
}

const noState = (): ServiceError => new ServiceError("resource.not_found", "There is no state at this path.");
