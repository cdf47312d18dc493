/** What happens in one schedule, drawn from its seed before it begins. */
import { planDraws } from "./draws.ts";
import { LISTS, NAMES, PROPERTIES, randomIntent } from "./random-writes.ts";
import type { Stage } from "./stage.ts";

/** One act of the owner or a peer. */
export interface Act {
  readonly what: string;
  /** All other work ends before the act begins, and the act before the next one. */
  readonly alone?: true;
  /** All other work ends, and this many ms pass, before the act begins. */
  readonly after?: number;
  readonly run: (world: Stage) => Promise<void>;
}

export interface Plan {
  /** Faults happen, instances crash, messages get lost, peers have moods. */
  readonly rough: boolean;
  /** No faults, no moods, no revoked approval, no long times: then nothing is left for the sweep. */
  readonly smooth: boolean;
  /** Clocks jump over leases: instances freeze past them. */
  readonly jumpy: boolean;
  /** A subscription may be answered in its own way for good. */
  readonly stubborn: boolean;
  /** Deliveries continue after the answer. */
  readonly async: boolean;
  /** The chance that work continues before the next act begins: the lower, the more happens at once. */
  readonly calm: number;
  readonly peers: number;
  readonly instances: number;
  /** How long a record may be read, ms; a schedule may let that much time pass. */
  readonly retentionMs: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly acts: readonly Act[];
}

const DAY_MS = 86_400_000;
/** Longer than a delivery can take, ms. */
const QUIET_MS = 10_500;

/** What a plan has in any case. */
export interface Asked {
  readonly troubled?: boolean;
  /** Most changes come a while after the one before. */
  readonly paced?: boolean;
}

/**
 * Draws a plan. In a troubled one, few peers and subscriptions answer in many ways, and time
 * passes between.
 */
export function planOf(random: () => number, asked: Asked = {}): Plan {
  const chance = (probability: number): boolean => random() < probability;
  const below = (count: number): number => Math.floor(random() * count);
  const pick = (acts: readonly Act[]): Act => acts[below(acts.length)] as Act;
  const troubled = chance(0.2) || asked.troubled === true;
  const rough = troubled || chance(0.7);
  const jumpy = rough && chance(0.25);
  const expiry = !troubled && chance(0.1);
  // One peer and one property: overlapping subscriptions come and go over the same places.
  const narrow = !troubled && chance(0.25);
  const draws = planDraws(random, { rough, expiry, narrow, troubled });
  const lists = !narrow && chance(0.4);
  const paced = chance(0.4) || asked.paced === true;
  let mark = 0;
  const write = (): Act => {
    mark += 1;
    const token = `m${String(mark)};`;
    const requested = randomIntent(random, token, { lists, names: narrow ? NAMES.slice(0, 1) : NAMES });
    return {
      what: requested.route,
      ...(paced && chance(0.6) ? { after: QUIET_MS + below(30_000) } : {}),
      run: async (world) => {
        const answer = await world.own(requested.route, requested.params, requested.json);
        const marked = requested.json !== undefined && JSON.stringify(requested.json).includes(token);
        if (marked && answer !== undefined && answer.status < 300) world.acknowledged.push(token);
      },
    };
  };
  const count = (troubled ? 20 : 4) + below(16);
  const some = Array.from({ length: count }, () => {
    if (troubled && chance(0.5)) return pick(draws.troubles);
    return chance(troubled ? 0.8 : 0.5) ? write() : draws.any();
  });
  const subscribing = { ...draws.subscribe, alone: true } as const;
  const acts = [
    ...(lists ? LISTS.map(making) : []),
    ...(troubled ? [subscribing, subscribing, subscribing] : []),
    ...(!troubled && chance(0.8) ? [draws.subscribe, draws.subscribe] : []),
    ...some,
  ];
  return {
    ...{
      rough,
      smooth: !rough && !expiry && !draws.approvals,
      jumpy,
      stubborn: rough && chance(0.2),
      async: chance(0.3),
      calm: (troubled ? [0.5, 0.8, 0.95] : [0.3, 0.75, 0.95])[below(3)] ?? 0.75,
    },
    ...{ peers: narrow ? 1 : 1 + below(troubled ? 2 : 3), instances: 1 + below(4) },
    retentionMs: DAY_MS + 1,
    environment: {
      DIFF_RETENTION_DAYS: "1",
      DELIVERY_TIMEOUT_SECONDS: "5",
      BREAKER_FAILURE_THRESHOLD: String(1 + below(4)),
      BREAKER_RECOVERY_SECONDS: "30",
      BACKLOG_REPLAY_MAX: chance(0.2) ? "2" : "100",
      DELIVERED_KEEP_SECONDS: chance(0.5) ? "0" : "300",
      MAX_CONCURRENT_DELIVERIES: String(1 + below(5)),
      // Each shard is a step of every sweep: as few as show that there are several.
      DUE_SHARDS: "2",
    },
    acts,
  };
}

const making = (name: string): Act => ({
  what: "make a list",
  run: async (world) => {
    await world.own(`POST ${PROPERTIES}`, {}, { [name]: { _type: "list" } });
  },
});
