/** Keeps a webhook's secrets out of what its receiver answers. */

const REPLACEMENT = "[hidden]";
/** A shorter value is in any text by chance, and hides nothing. */
const LEAST_LENGTH = 4;

/** The text without these secrets, in whatever form JSON gives them, and without the beginning of one at its end. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  const forms = secrets
    .filter(({ length }) => length >= LEAST_LENGTH)
    .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1), secret.replaceAll("/", "\\/")]);
  // The longest first: one secret may begin another.
  const ordered = [...new Set(forms)].toSorted((one, other) => other.length - one.length);
  const whole = ordered.reduce((rest, form) => rest.replaceAll(form, REPLACEMENT), text);
  return ordered.reduce(withoutStart, whole);
}

/** The text was cut off somewhere, so that it may end with a part of the secret. */
function withoutStart(text: string, secret: string): string {
  for (let length = Math.min(secret.length - 1, text.length); length >= LEAST_LENGTH; length -= 1) {
    if (text.endsWith(secret.slice(0, length))) return text.slice(0, -length) + REPLACEMENT;
  }
  return text;
}
