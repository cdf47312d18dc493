/** Positions in what a peer sent, and their stored form. */

/** The state version under which an entry was written, then the sequence number. */
export interface Position {
  /**
   * Grows with every recovery and change of ownership within one peer. Whole, 0 to 10^14 − 1; starts from ms since
   * 1970.
   */
  readonly stateVersion: number;
  /** The number of the newest diff that is contained. Whole, 0 to 2^53 − 1. */
  readonly sequence: number;
}

/**
 * The stored form, `<state version, 14 digits>.<sequence, 16 digits>`: the order of texts is the order of positions.
 */
export function watermark(position: Position): string {
  return `${String(position.stateVersion).padStart(14, "0")}.${String(position.sequence).padStart(16, "0")}`;
}

/** Reads what `watermark` wrote. */
export function parseWatermark(stored: string): Position {
  return { stateVersion: Number(stored.slice(0, 14)), sequence: Number(stored.slice(15)) };
}
