/** Removes a webhook's secrets from its receiver's answers, before an owner or the log sees these. */

const REPLACEMENT = "[hidden]";
/** Shorter values are not removed: they occur in any text by chance, and are not secrets. */
const LEAST_LENGTH = 4;

/**
 * The text without these secrets, plain or escaped as in JSON. If the text ends with the beginning of a secret, that goes
 * too.
 */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  const forms = secrets
    .filter(({ length }) => length >= LEAST_LENGTH)
    .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1), secret.replaceAll("/", "\\/")]);
  // The longest first, because one secret may be the beginning of another.
  const ordered = [...new Set(forms)].toSorted((one, other) => other.length - one.length);
  const whole = ordered.reduce((rest, form) => rest.replaceAll(form, REPLACEMENT), text);
  return ordered.reduce(withoutStart, whole);
}

/** Removes the beginning of a secret from the end of the text, which may have been cut off there. */
function withoutStart(text: string, secret: string): string {
  for (let length = Math.min(secret.length - 1, text.length); length >= LEAST_LENGTH; length -= 1) {
    if (text.endsWith(secret.slice(0, length))) return text.slice(0, -length) + REPLACEMENT;
  }
  return text;
}
