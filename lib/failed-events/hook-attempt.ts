/** Runs a hook once, within its time limit. */
import type { After } from "../system/ports.ts";
import { verdictOf, type Verdict } from "./hook-event.ts";

/** How a hook failed. */
export interface HookFailure {
  readonly verdict: Verdict["verdict"];
  /** The error as text. */
  readonly error: string;
}

/**
 * Runs a hook. At the time limit the run counts as failed and its signal aborts; what the hook does after that is ignored.
 * @returns undefined when the hook succeeded
 */
export async function attemptHook(
  { after, timeoutMs }: { readonly after: After; readonly timeoutMs: number },
  run: (signal: AbortSignal) => Promise<void>,
): Promise<HookFailure | undefined> {
  const limit = new AbortController();
  let cancel = (): void => undefined;
  const late = new Promise<never>((_, reject) => {
    cancel = after(timeoutMs, () => {
      const error = new Error(`The hook did not end within ${String(timeoutMs / 1_000)} s (HOOK_TIMEOUT_SECONDS).`);
      limit.abort(error);
      reject(error);
    });
  });
  try {
    await Promise.race([run(limit.signal), late]);
    return undefined;
  } catch (error) {
    return { verdict: verdictOf(error), error: textOf(error) };
  } finally {
    cancel();
  }
}

/** An error as text. Hooks may throw anything, also values that have no text. */
function textOf(error: unknown): string {
  try {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  } catch {
    return "The hook threw something that cannot be shown.";
  }
}
