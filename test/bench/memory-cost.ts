/** What a million callbacks cost at Lambda for each size of memory, computed from the CPU time that was measured. */

/** A function with this much memory has a whole processor; one with less has its share (AWS). */
const WHOLE_PROCESSOR_MB = 1_769;
/** What a request to DynamoDB takes that is no work of the function, ms: assumed. */
export const TABLE_MS = 5;
/** US dollars for a GB-second on arm64, us-east-1, 2025. */
const GB_SECOND = 0.000_013_333_4;
const MB_IN_GB = 1_024;
const MILLION = 1_000_000;

export interface MemoryCost {
  readonly memoryMb: number;
  /** A warm callback, ms. */
  readonly callbackMs: number;
  /** CPU time over the share of a processor, for the import of a cold start, ms. */
  readonly importMs: number;
  /** US dollars of compute for a million callbacks, without the price of invocations. */
  readonly dollars: number;
}

/** @param importMs CPU time of the function's import */
export function memoryCosts(of: { functionMs: number; requests: number; importMs: number }): readonly MemoryCost[] {
  return [128, 256, 512, 1_024, WHOLE_PROCESSOR_MB].map((memoryMb) => {
    const share = Math.min(1, memoryMb / WHOLE_PROCESSOR_MB);
    const callbackMs = of.functionMs / share + of.requests * TABLE_MS;
    const dollars = (callbackMs / 1_000) * (memoryMb / MB_IN_GB) * GB_SECOND * MILLION;
    return { memoryMb, callbackMs, importMs: of.importMs / share, dollars };
  });
}
