/** The permissions of a relationship are code: a release may change them, and with them those of all its peers. */
import { compact } from "../system/compact.ts";
import { createHash } from "node:crypto";
import { printJson } from "../domain/json/json-text.ts";
import { defaultPermissions, knownRelationships, type Permissions } from "../domain/policy/permissions.ts";
import { trustKey } from "../dynamodb/keys/actors.ts";
import type { Clock } from "../system/ports.ts";
import { confirmedTo, type Commits, type LogPlan, type LogRead } from "../change-log/log-commits.ts";
import { readTrust, type TrustRecord } from "./trust-record.ts";
import { trustUnchangedSince } from "./trust-store.ts";
import { permissionRecord, type PermissionStore } from "./permission-store.ts";

/** Peers whose permissions one commit records: each takes a check and a record, in a transaction of 100 writes. */
const AT_ONCE = 40;
/** One change waits for a confirmation at most this long, ms. */
const MOST_MS = 5_000;

/** Stands for what every relationship allows in this release: 16 hex characters, the same for the same rules. */
export function rulesDigest(defined: Readonly<Record<string, Permissions>>): string {
  const names = [...new Set([...knownRelationships, ...Object.keys(defined)])].sort();
  // No relationship has the empty name: it stands for what an unknown relationship allows.
  const rules = ["", ...names].map((name) => [name, defaultPermissions(name, defined)]);
  return createHash("sha256").update(printJson(rules)).digest("hex").slice(0, 16);
}

/** The dependencies of confirming the rules. */
interface RulesDeps {
  readonly clock: Clock;
  readonly permissions: PermissionStore;
  /** See `rulesDigest`. */
  readonly digest: string;
  /** The peers with subscriptions to us, each once. */
  readonly subscribers: (actorId: string) => Promise<readonly string[]>;
}

/**
 * Records what each subscribing peer may do by this release's rules. The records decide which changes get a number from
 * then on; what a peer may see is checked wherever something is shown. The log's head notes how far the confirmation came,
 * so that the next commit continues where one broke off, and several at the same time record each peer once. Stops
 * after 5 s.
 *
 * @param commits commits that do not confirm again
 */
export async function confirmRules(
  { clock, digest, permissions, subscribers }: RulesDeps,
  actorId: string,
  commits: Commits,
): Promise<void> {
  const until = clock.now() + MOST_MS;
  const peers = [...(await subscribers(actorId))].sort();
  let known = "" as string | undefined;
  while (known !== undefined && clock.now() < until) {
    const from: string = known;
    const left = peers.filter((peerId) => peerId > from);
    const some = left.slice(0, AT_ONCE);
    const keys = some.map((peerId) => trustKey(actorId, peerId));
    const plan = (read: LogRead): LogPlan | undefined => {
      const to = confirmedTo(read.head, digest, clock.now());
      known = to === from ? some[left.length > AT_ONCE ? AT_ONCE - 1 : AT_ONCE] : to;
      if (to !== from) return undefined;
      const rules = compact({ rules: digest, rulesAt: from === "" ? clock.now() : undefined });
      const head = known === undefined ? { set: rules, remove: ["rulesTo"] } : { set: { ...rules, rulesTo: known } };
      return { ...confirmed(permissions, actorId, some, read), head };
    };
    await commits.commit(actorId, keys, plan);
  }
}

function confirmed(
  permissions: PermissionStore,
  actorId: string,
  peers: readonly string[],
  { item }: LogRead,
): Pick<LogPlan, "records" | "writes"> {
  const trusts = peers.flatMap((peerId): TrustRecord[] => {
    const found = item(trustKey(actorId, peerId));
    const trust = found === undefined ? undefined : readTrust(found);
    return trust === undefined || trust.ending ? [] : [trust];
  });
  return {
    records: trusts.map((trust) => permissionRecord({ trust, permissions: permissions.of(trust) })),
    writes: trusts.map((trust) => ({
      check: trustKey(actorId, trust.peerId),
      condition: trustUnchangedSince(trust),
    })),
  };
}
