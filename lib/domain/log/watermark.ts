/** A position in what a peer sent: the state version under which it was written, then the sequence number. Compared as strings. */
export interface Position {
  /** Grows with every recovery and change of ownership within one peer; whole, 0 to 10^14 − 1 (it starts from ms since 1970). */
  readonly stateVersion: number;
  /** The number of the newest diff contained; whole, 0 to 2^53 − 1. */
  readonly sequence: number;
}

/** The stored form: `<state version, 14 digits>.<sequence, 16 digits>`; string order is the order of positions. */
export function watermark(position: Position): string {
  return `${String(position.stateVersion).padStart(14, "0")}.${String(position.sequence).padStart(16, "0")}`;
}

/** The position a stored watermark stands for. */
export function parseWatermark(stored: string): Position {
  return { stateVersion: Number(stored.slice(0, 14)), sequence: Number(stored.slice(15)) };
}
