import {
  CallbackProcessor,
  type CallbackHandler,
  type ProcessedCallback,
} from "../../../../lib/receiving/intake/callback-processor.ts";
import type { Table } from "../../../../lib/dynamodb/table.ts";
import { randomIds } from "../../../../lib/system/ids.ts";
import { MemoryTable } from "../../../support/memory-table.ts";

export const PEER = "peer";
export const SUB = "sub";

/** A processor of one actor with a clock of its own; give the same table to several for several instances. */
export function make<T extends Table = MemoryTable>(
  options: { gapTimeoutSeconds?: number; maxPending?: number } = {},
  table: T = new MemoryTable() as unknown as T,
) {
  const state = { now: 1_000_000, warnings: [] as string[] };
  const log = { info: () => undefined, warn: (text: string) => void state.warnings.push(text), error: () => undefined };
  const processing = { gapTimeoutSeconds: 5, maxPending: 100, incarnation: "aws" };
  const actor = { id: "me", table, clock: { now: () => state.now }, ids: randomIds, log, processing };
  const seen: ProcessedCallback[] = [];
  const note: CallbackHandler = (callback) => void seen.push(callback);
  const processor = new CallbackProcessor({ actor, ...options });
  const send = (sequence: number, more: Partial<ProcessedCallback> = {}, handler: CallbackHandler = note) =>
    processor.processCallback({ peerId: PEER, subscriptionId: SUB, sequence, data: { n: sequence }, ...more }, handler);
  const numbers = () => seen.map((callback) => callback.sequence);
  return { processor, send, seen, numbers, state, table, actor };
}

/** Plain random numbers, 0 to 1, so that a failure can be seen again. */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
}

export function shuffled(numbers: readonly number[], seed: number): number[] {
  const random = randomOf(seed);
  return numbers
    .map((n) => ({ n, at: random() }))
    .sort((one, other) => one.at - other.at)
    .map(({ n }) => n);
}

/** 1 to n. */
export const upTo = (n: number): number[] => Array.from({ length: n }, (_, index) => index + 1);
