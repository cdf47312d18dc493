/** An HTTP API decodes what is encoded twice as well. */
const ROUNDS = 2;

/**
 * The path that an HTTP API routes by and passes on, for the one that was sent: percent-decoded twice and cut at a decoded
 * `?`. A decoded slash separates segments, and the path as it was sent is lost.
 *
 * @returns undefined for what the gateway answers with 400: broken encodings, and a `%` that is left over
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
