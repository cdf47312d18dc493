import { compact } from "../system/compact.ts";
import { actorOfKey } from "../dynamodb/keys/partition.ts";
import { actorKey } from "../dynamodb/keys/actors.ts";
import type { Item } from "../dynamodb/table.ts";
import { parseText, printJson } from "../domain/json/json-text.ts";
import type { PublicAccess } from "../domain/policy/public-access.ts";

/** An actor as it is stored. */
export interface ActorRecord {
  readonly id: string;
  /** The user name of the owner's Basic credentials. */
  readonly creator: string;
  /** See passphrase.ts; never the passphrase itself. */
  readonly passphraseHash: string;
  /** How hard the passphrase is to guess, in bits; a trustee's bearer needs more than 80. */
  readonly passphraseBits: number;
  readonly trusteeRoot?: string;
  /** ms since 1970. */
  readonly createdAt: number;
  /** When the last minute with a wrong guess at the passphrase began, ms since 1970 (`PassphraseGuesses`). */
  readonly guessedAt?: number;
  /** What anyone may read. Absent: nothing. */
  readonly public?: PublicAccess;
  /** The deletion of the actor has begun; every other request finds no such actor. */
  readonly deleting: boolean;
  /** No peer's bearer opens anything any more. */
  readonly closed: boolean;
}

/** Reads an actor's item. */
export function readActor(item: Item): ActorRecord {
  const { trusteeRoot, guessedAt, public: open } = item;
  return {
    id: actorOfKey(item),
    creator: item["creator"] as string,
    passphraseHash: item["passphraseHash"] as string,
    passphraseBits: item["passphraseBits"] as number,
    createdAt: item["createdAt"] as number,
    ...compact({
      trusteeRoot: typeof trusteeRoot === "string" ? trusteeRoot : undefined,
      guessedAt: typeof guessedAt === "number" ? guessedAt : undefined,
      public: typeof open === "string" ? (parseText(open) as PublicAccess) : undefined,
    }),
    deleting: item["deleting"] === true,
    closed: item["closed"] === true,
  };
}

/** The item of a new actor. */
export function actorItem(actor: Omit<ActorRecord, "deleting" | "closed" | "public">): Item {
  const { id, ...attributes } = actor;
  return { ...actorKey(id), ...attributes };
}

/** What anyone may read, as an actor's item has it. */
export const publicText = (access: PublicAccess): string => printJson({ ...access });
