/** Explains a failed TLS handshake to a person. */

const UNKNOWN_AUTHORITY =
  "The peer's certificate is of an authority that is not trusted here; NODE_EXTRA_CA_CERTS names a file with others.";

/** Sentences by the codes that OpenSSL and Node give errors. */
const SENTENCES: ReadonlyMap<string, string> = new Map([
  ["CERT_HAS_EXPIRED", "The peer's certificate has expired; the peer has to renew it."],
  ["CERT_NOT_YET_VALID", "The peer's certificate is not valid yet; one of the two clocks may be wrong."],
  ["CERT_REVOKED", "The peer's certificate has been revoked; the peer has to renew it."],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "The peer's certificate is for another host name than that of its URL."],
  ["HOSTNAME_MISMATCH", "The peer's certificate is for another host name than that of its URL."],
  ["CERT_SIGNATURE_FAILURE", UNKNOWN_AUTHORITY],
  ["CERT_UNTRUSTED", UNKNOWN_AUTHORITY],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", UNKNOWN_AUTHORITY],
  ["SELF_SIGNED_CERT_IN_CHAIN", UNKNOWN_AUTHORITY],
  ["UNABLE_TO_GET_ISSUER_CERT", UNKNOWN_AUTHORITY],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", UNKNOWN_AUTHORITY],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", UNKNOWN_AUTHORITY],
]);
/** Other reasons of OpenSSL for not accepting a certificate. */
const OF_CERTIFICATE = /^(CERT|CRL|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH|ERROR_IN_CERT|UNABLE_TO_)/;
/** The two sides do not speak TLS with each other. */
const OF_PROTOCOL = /^(EPROTO$|ERR_SSL_)/;

/** One sentence, safe to show; undefined for an error that is not one of TLS. */
export function tlsFailure(code: string): string | undefined {
  const sentence = SENTENCES.get(code);
  if (sentence !== undefined) return `${sentence.replace(/\.$/, "")} (${code}).`;
  if (OF_CERTIFICATE.test(code)) return `The peer's certificate is not accepted (${code}).`;
  if (OF_PROTOCOL.test(code)) return `The peer's host does not speak TLS at that port, or none that we do (${code}).`;
  return undefined;
}
