import type { Deadline } from "../../system/ports.ts";

/** What is kept for writing down what a publisher's answer led to, and for answering ourselves, ms. */
const OWN_WORK_MS = 4_000;

/** The time a publisher may be given: what is left, less what we need for ourselves. */
export function reserved(deadline: Deadline): Deadline {
  return { remaining: () => Math.max(0, deadline.remaining() - OWN_WORK_MS) };
}
