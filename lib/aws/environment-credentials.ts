import { compact } from "../system/compact.ts";
import type { Credentials } from "./request-signer.ts";

/**
 * The credentials that Lambda and the local stack put into a function's environment. Every client of AWS gets this provider
 * and searches nowhere else, so the bundles do without the SDK's search in profiles, single sign-on and metadata services.
 *
 * @throws Error when the environment has none
 */
export function environmentCredentials(): Promise<Credentials> {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = process.env;
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    return Promise.reject(new Error("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not in the environment."));
  }
  return Promise.resolve(compact({ accessKeyId, secretAccessKey, sessionToken: process.env["AWS_SESSION_TOKEN"] }));
}
