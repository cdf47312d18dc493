/** An HTTP API also decodes a path that is encoded twice. */
const ROUNDS = 2;

/**
 * The path by which an HTTP API routes and that it passes on, for the path that was sent: percent-decoded twice and cut at a
 * decoded `?`. A decoded slash separates segments, and the path as it was sent is lost.
 *
 * @returns undefined for a path that the gateway answers with 400: a broken encoding, or a `%` that remains
 */
export function gatewayPath(sent: string): string | undefined {
  let path = sent;
  try {
    for (let round = 1; round <= ROUNDS; round += 1) path = decodeURIComponent(path).split("?", 1)[0] ?? "";
  } catch {
    return undefined;
  }
  return path.includes("%") ? undefined : path;
}
