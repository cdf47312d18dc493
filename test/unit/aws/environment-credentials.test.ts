import { afterEach, describe, expect, it, vi } from "vitest";
import { environmentCredentials } from "../../../lib/aws/environment-credentials.ts";

afterEach(() => vi.unstubAllEnvs());

/** Only these are in the environment. */
function environment(given: Readonly<Record<string, string>>): void {
  for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]) vi.stubEnv(name, given[name]);
}

describe("the credentials of the environment", () => {
  it("are a function's session, as it is at the time of asking", async () => {
    environment({ AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b", AWS_SESSION_TOKEN: "c" });
    expect(await environmentCredentials()).toEqual({ accessKeyId: "a", secretAccessKey: "b", sessionToken: "c" });
    environment({ AWS_ACCESS_KEY_ID: "d", AWS_SECRET_ACCESS_KEY: "e", AWS_SESSION_TOKEN: "f" });
    expect(await environmentCredentials()).toEqual({ accessKeyId: "d", secretAccessKey: "e", sessionToken: "f" });
  });

  it("need no session", async () => {
    environment({ AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b" });
    expect(await environmentCredentials()).toStrictEqual({ accessKeyId: "a", secretAccessKey: "b" });
  });

  it.each([{}, { AWS_ACCESS_KEY_ID: "a" }, { AWS_SECRET_ACCESS_KEY: "b" }])("are not made up: %j", async (given) => {
    environment(given);
    await expect(environmentCredentials()).rejects.toThrow("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
  });
});
