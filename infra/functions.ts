/** The Lambda functions: the areas of the route table that each serves, and the rights of each. */
import type { Area } from "../lib/api/route-table.ts";

/** The actions that a function may have on the table. A transaction needs the action of each of its writes. */
export type TableAction =
  | "GetItem"
  | "BatchGetItem"
  | "Query"
  | "PutItem"
  | "UpdateItem"
  | "DeleteItem"
  | "BatchWriteItem"
  | "ConditionCheckItem";

/** All rights of one function. Nothing else is granted. */
export interface FunctionRights {
  readonly table: readonly TableAction[];
  /** May query the index of due work. */
  readonly dueIndex: boolean;
  /** May query the indexes of actors that have changed. */
  readonly feedIndex: boolean;
  /** May put messages into the delay queue. */
  readonly sends: boolean;
  /** May ask how many messages wait in the delay queue. */
  readonly readsDepth: boolean;
  /** May publish to the event bus, when the deployment has one. */
  readonly publishes: boolean;
  /** What starts it: requests, the every-minute schedule, or the delay queue. */
  readonly startedBy: "requests" | "schedule" | "queue";
}

/** A function that runs hooks: a hook may do everything with its actor that the service can (docs/decisions/0001-functions.md). */
const TABLE = [
  ...(["GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem"] as const),
  // For data that nothing refers to any more.
  "BatchWriteItem",
] as const satisfies readonly TableAction[];

/** The Lambda functions, each with a file of its name in `functions/`. */
export const functions = {
  callbacks: {
    table: TABLE,
    dueIndex: false,
    feedIndex: false,
    sends: true,
    readsDepth: false,
    publishes: true,
    startedBy: "requests",
  },
  api: {
    table: TABLE,
    dueIndex: false,
    feedIndex: true,
    sends: true,
    readsDepth: false,
    publishes: true,
    startedBy: "requests",
  },
  worker: {
    table: TABLE,
    dueIndex: false,
    feedIndex: false,
    sends: true,
    readsDepth: false,
    publishes: true,
    startedBy: "queue",
  },
  // Only finds due work, through the index: it runs no hook.
  scheduler: {
    table: [],
    dueIndex: true,
    feedIndex: false,
    sends: true,
    readsDepth: true,
    publishes: false,
    startedBy: "schedule",
  },
} as const satisfies Readonly<Record<string, FunctionRights>>;

export type FunctionName = keyof typeof functions;

/** The function that serves each area. */
export const servedBy = {
  actors: "api",
  trust: "api",
  properties: "api",
  subscriptions: "api",
  callbacks: "callbacks",
  peers: "api",
  hub: "api",
  events: "api",
} as const satisfies Readonly<Record<Area, FunctionName>>;
