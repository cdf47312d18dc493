import { wakeUp, type WakeUpDeps } from "../../system/wake-up.ts";
import type { Head } from "./head.ts";

/** Sends a message for a head's due time, if it has one. Never rejects: the sweep finds the same work. */
export type WakeStream = (head: Pick<Head, "key" | "dueAt">) => Promise<void>;

/** Messages that bring the due work of streams forward from the next sweep to its second. */
export const wakeStreamBy =
  (deps: WakeUpDeps): WakeStream =>
  async ({ key, dueAt }) => {
    if (dueAt !== undefined) await wakeUp(deps, key, dueAt);
  };
