/** The credentials of an `Authorization` header: `none` also for a header of neither scheme. */
export type Credentials =
  | { readonly scheme: "none" }
  | { readonly scheme: "basic"; readonly user: string; readonly passphrase: string }
  | { readonly scheme: "bearer"; readonly token: string };

const NONE: Credentials = { scheme: "none" };

/** Reads an `Authorization` header; the case of scheme names does not matter. */
export function parseCredentials(header: string | undefined): Credentials {
  const [, scheme, value] = /^\s*([A-Za-z]+)\s+(\S+)\s*$/.exec(header ?? "") ?? [];
  if (scheme === undefined || value === undefined) return NONE;
  if (scheme.toLowerCase() === "bearer") return { scheme: "bearer", token: value };
  if (scheme.toLowerCase() !== "basic") return NONE;
  const decoded = Buffer.from(value, "base64").toString("utf8");
  const colon = decoded.indexOf(":");
  if (colon < 0) return NONE;
  return { scheme: "basic", user: decoded.slice(0, colon), passphrase: decoded.slice(colon + 1) };
}

/** The bearer of a header, if it has one. */
export function bearerOf(header: string | undefined): string | undefined {
  const credentials = parseCredentials(header);
  return credentials.scheme === "bearer" ? credentials.token : undefined;
}
