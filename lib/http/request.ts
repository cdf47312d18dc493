import { isTraceparent } from "../domain/terms/identifiers.ts";
import type { Deadline } from "../system/ports.ts";

/** A request to the service, whatever gateway it came through. */
export interface ServiceRequest {
  /** Upper case, after `_method` and `X-HTTP-Method-Override`; HEAD stays HEAD. */
  readonly method: string;
  /** The gateway's pattern that matched, for example `/{actorId}/trust`; undefined when none did. */
  readonly pattern: string | undefined;
  readonly path: string;
  /** The pattern's parameters, as the gateway decoded them. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Names in lower case; repeated ones joined with a comma. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** The client's, or a fresh one. */
  readonly requestId: string;
  readonly traceparent?: string;
  /** The address that the request came from, as the gateway saw it. */
  readonly sourceIp?: string;
  readonly deadline: Deadline;
}

/** The parameter of the pattern by that name. @throws TypeError when the route's pattern has none: a defect. */
export function param(request: ServiceRequest, name: string): string {
  const value = request.params[name];
  if (value === undefined) throw new TypeError(`The route has no parameter ${name}.`);
  return value;
}

const MEANT_METHODS = new Set(["PUT", "DELETE"]);

/** The method that the client means: `_method` and `X-HTTP-Method-Override` let a GET or POST stand for PUT or DELETE. */
export function meantMethod(method: string, query: URLSearchParams, override: string | undefined): string {
  const sent = method.toUpperCase();
  if (sent !== "GET" && sent !== "POST") return sent;
  for (const meant of [query.get("_method"), override]) {
    const name = meant?.trim().toUpperCase();
    if (name !== undefined && MEANT_METHODS.has(name)) return name;
  }
  return sent;
}

const REQUEST_ID = /^[A-Za-z0-9._~:/+=@-]{1,128}$/;

/** The client's request id when it is short and plain, because logs and outgoing headers carry it. */
export function acceptedRequestId(header: string | undefined): string | undefined {
  return header !== undefined && REQUEST_ID.test(header) ? header : undefined;
}

/** The client's W3C `traceparent` when it is well-formed. */
export function acceptedTraceparent(header: string | undefined): string | undefined {
  return header !== undefined && isTraceparent(header) ? header : undefined;
}
