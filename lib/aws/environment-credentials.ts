import { compact } from "../system/compact.ts";

interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/**
 * The credentials that Lambda, and the local stack, put into a function's environment. Every client of the SDK gets this
 * provider, so none searches profiles, single sign-on or metadata services: the bundles leave that search out.
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
