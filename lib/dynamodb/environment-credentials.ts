/**
 * Stands in every bundle for the SDK's own search for credentials. Lambda puts a function's into the environment, and
 * the local stack does the same; the search through profiles, single sign-on and metadata services would add 100 KB
 * that never run, a sixth of the bundle, and a good part of its cold start.
 */

interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** The name the SDK's clients import. The provider rejects when the environment holds no credentials. */
export function defaultProvider(): () => Promise<Credentials> {
  return () => {
    const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = process.env;
    const sessionToken = process.env["AWS_SESSION_TOKEN"];
    if (accessKeyId === undefined || secretAccessKey === undefined) {
      return Promise.reject(new Error("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not in the environment."));
    }
    return Promise.resolve({ accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) });
  };
}
