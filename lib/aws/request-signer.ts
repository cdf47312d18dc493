/**
 * AWS Signature Version 4 for the services whose requests are a POST to `/` of JSON, without a query. The SDK's own signer,
 * which serves every service, takes longer: it copies the configuration and the request each time, and computes one more
 * signature for the name under which it caches a key.
 */
import { createHmac, createSecretKey, hash, type BinaryLike, type KeyObject } from "node:crypto";

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** A request of the SDK, with the members that a signature depends on. */
export interface SignableRequest {
  readonly method: string;
  readonly path: string;
  readonly query?: object;
  readonly headers: Record<string, string>;
  readonly body?: unknown;
}

/** The SDK's interface of a signer. */
export interface RequestSigner {
  /** Adds the headers of the signature to the request itself. @throws TypeError for anything but a POST of a body to `/` */
  sign<T extends SignableRequest>(request: T, options?: { readonly signingDate?: Date | string | number }): Promise<T>;
}

const ALGORITHM = "AWS4-HMAC-SHA256";
/** Headers that a proxy may change, so they are not signed. */
const UNSIGNED = new Set(["user-agent", "x-amzn-trace-id", "connection", "expect"]);

export interface SigningScope {
  /** The service as signatures name it: `dynamodb`, `events`. */
  readonly service: string;
  readonly region: string;
}

/**
 * The signer of one client. It asks for credentials at each request, because they expire.
 * @param now the time, ms since 1970, of a request that is given none
 */
export function requestSigner(
  { service, region }: SigningScope,
  credentials: () => Promise<Credentials>,
  now: () => number,
): RequestSigner {
  // A key object, because Node makes one of plain bytes at each signature, which takes longer than the signature itself.
  let key: { readonly day: string; readonly secret: string; readonly object: KeyObject } | undefined;
  const keyOf = (day: string, secret: string): KeyObject => {
    if (key?.day !== day || key.secret !== secret) {
      const steps = [day, region, service, "aws4_request"];
      const bytes = steps.reduce<Buffer>((from, step) => hmac(from, step), Buffer.from(`AWS4${secret}`));
      key = { day, secret, object: createSecretKey(bytes) };
    }
    return key.object;
  };
  return {
    async sign(request, { signingDate } = {}) {
      const { method, path, query, headers, body } = request;
      const isBody = typeof body === "string" || body instanceof Uint8Array;
      if (method !== "POST" || path !== "/" || !isBody || Object.keys(query ?? {}).length > 0) {
        throw new TypeError("Only a POST to / with a body and without a query is signed here.");
      }
      const { accessKeyId, secretAccessKey, sessionToken } = await credentials();
      const time = new Date(signingDate ?? now()).toISOString().replace(/[-:]|\.\d{3}/g, "");
      const day = time.slice(0, 8);
      headers["x-amz-date"] = time;
      if (sessionToken !== undefined) headers["x-amz-security-token"] = sessionToken;
      const bodyHash = hash("sha256", body);
      headers["x-amz-content-sha256"] = bodyHash;
      const names = Object.keys(headers).filter((name) => !UNSIGNED.has(name));
      const signed = names.sort().join(";");
      let lines = "";
      for (const name of names) lines += `${name}:${(headers[name] ?? "").trim().replace(/\s+/g, " ")}\n`;
      const scope = `${day}/${region}/${service}/aws4_request`;
      const canonical = hash("sha256", `POST\n/\n\n${lines}\n${signed}\n${bodyHash}`);
      const toSign = `${ALGORITHM}\n${time}\n${scope}\n${canonical}`;
      const signature = hmac(keyOf(day, secretAccessKey), toSign).toString("hex");
      headers["authorization"] =
        `${ALGORITHM} Credential=${accessKeyId}/${scope}, SignedHeaders=${signed}, Signature=${signature}`;
      return request;
    },
  };
}

const hmac = (key: BinaryLike | KeyObject, text: string): Buffer => createHmac("sha256", key).update(text).digest();
