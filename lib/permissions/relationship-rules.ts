/** What relationships allow is code: a release may change it, and then what every peer of theirs may do. */
import { createHash } from "node:crypto";
import { defaultPermissions, knownRelationships } from "../domain/permissions.ts";
import type { Permissions } from "../domain/permissions.ts";
import { trustKey } from "../dynamodb/keys-actors.ts";
import { logHeadKey } from "../dynamodb/keys-publishing.ts";
import { itemExists } from "../dynamodb/table.ts";
import type { Table, Write } from "../dynamodb/table.ts";
import type { Clock } from "../ports.ts";
import type { LogCommits, LogRead } from "../publishing/log-commits.ts";
import { recordTime } from "../publishing/record-time.ts";
import { readTrust } from "../trust/trust-record.ts";
import { asRead } from "../trust/trust-store.ts";
import { permissionRecord } from "./permission-store.ts";
import type { PermissionStore } from "./permission-store.ts";

/** Peers whose permissions one commit records: two checks and a record each, in a transaction of 100. */
const AT_ONCE = 25;

/** Stands for what every relationship allows in this release: 16 hex characters, the same for the same rules. */
export function rulesDigest(defined: Readonly<Record<string, Permissions>>): string {
  const names = [...new Set([...knownRelationships, ...Object.keys(defined)])].sort();
  // The empty name is nobody's: what an unknown relationship allows.
  const rules = ["", ...names].map((name) => [name, defaultPermissions(name, defined)]);
  return createHash("sha256").update(JSON.stringify(rules)).digest("hex").slice(0, 16);
}

/** Brings the logs up to a release's rules. */
export class RelationshipRules {
  readonly #deps: ConstructorParameters<typeof RelationshipRules>[0];

  constructor(deps: {
    readonly table: Table;
    readonly clock: Clock;
    readonly commits: LogCommits;
    readonly permissions: PermissionStore;
    /** See `rulesDigest`. */
    readonly digest: string;
    /** The peers with subscriptions to us, each once. */
    readonly subscribers: (actorId: string) => Promise<readonly string[]>;
  }) {
    this.#deps = deps;
  }

  /**
   * Records what each subscribing peer may do by this release's rules, before anything else is recorded: from there on
   * nothing that they hide makes a number. Once for each actor and release that changes them; may be repeated.
   */
  async confirm(actorId: string): Promise<void> {
    const { commits, digest, subscribers, table } = this.#deps;
    const peers = await subscribers(actorId);
    for (let from = 0; from < peers.length; from += AT_ONCE) {
      const some = peers.slice(from, from + AT_ONCE);
      const keys = some.map((peerId) => trustKey(actorId, peerId));
      await commits.commit(actorId, keys, (read) => this.#plan(actorId, some, read), { quiet: true, confirms: true });
    }
    await table.update(logHeadKey(actorId), { set: { rules: digest } }, itemExists);
  }

  #plan(actorId: string, peers: readonly string[], read: LogRead) {
    const { clock, permissions } = this.#deps;
    const at = recordTime(clock.now(), read.head.newest + 1);
    const confirmed = peers.flatMap((peerId) => {
      const item = read.item(trustKey(actorId, peerId));
      const trust = item === undefined ? undefined : readTrust(item);
      if (trust === undefined || trust.ending) return [];
      const stands: Write = { check: trustKey(actorId, peerId), condition: asRead(trust) };
      return [{ record: permissionRecord({ trust, permissions: permissions.of(trust), at }), writes: [stands] }];
    });
    if (confirmed.length === 0) return undefined;
    return {
      records: confirmed.map(({ record }) => record),
      writes: confirmed.flatMap(({ writes }) => writes),
    };
  }
}
