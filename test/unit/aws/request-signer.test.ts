import { DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";
import { describe, expect, it } from "vitest";
import { requestSigner, type Credentials, type SignableRequest } from "../../../lib/aws/request-signer.ts";

const NOW = Date.UTC(2026, 0, 1, 12, 30, 15, 123);
const SCOPE = { service: "dynamodb", region: "eu-north-1" };
const KEYS: Credentials = { accessKeyId: "AKID", secretAccessKey: "secret", sessionToken: "token==" };

/** A request to DynamoDB as a client of the SDK's own signer sends it, at the time of this machine. */
async function sentBySdk(credentials: Credentials, region: string): Promise<SignableRequest> {
  let sent: SignableRequest | undefined;
  const handler = {
    handle: (request: SignableRequest) => {
      sent = request;
      return Promise.resolve({ response: { statusCode: 200, headers: {}, body: Buffer.from("{}") } });
    },
  };
  const client = new DynamoDBClient({ region, credentials, requestHandler: handler as never });
  await client.send(new GetItemCommand({ TableName: "täble", Key: { pk: { S: "ä  b" } } }));
  if (sent === undefined) throw new Error("Nothing was sent.");
  return sent;
}

/** The time of a signature, ms. */
const timeOf = ({ headers }: SignableRequest): number =>
  Date.parse((headers["x-amz-date"] ?? "").replace(/^(....)(..)(..T..)(..)(..Z)$/, "$1-$2-$3:$4:$5"));

const unsigned = (request: SignableRequest): SignableRequest => {
  const added = ["authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"];
  const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !added.includes(name)));
  return { ...request, method: request.method, path: request.path, body: request.body, headers };
};

const request = (headers: Record<string, string> = {}): SignableRequest => ({
  ...{
    method: "POST",
    path: "/",
    query: {},
    body: "{}",
    headers: { host: "dynamodb.eu-north-1.amazonaws.com", ...headers },
  },
});
const signatureOf = ({ headers }: SignableRequest): string => headers["authorization"] ?? "";

describe("the signer", () => {
  it.each([
    ["with a session token", KEYS],
    ["without one", { accessKeyId: "AKID", secretAccessKey: "s/e+c" }],
  ])("signs a request %s as the SDK does", async (_, credentials) => {
    const sdk = await sentBySdk(credentials, "eu-north-1");
    const signer = requestSigner(SCOPE, () => Promise.resolve(credentials), Date.now);
    const ours = await signer.sign(unsigned(sdk), { signingDate: timeOf(sdk) });
    expect(signatureOf(ours)).toMatch(/^AWS4-HMAC-SHA256 Credential=AKID\/\d{8}\/eu-north-1\/dynamodb\/aws4_request, /);
    expect(ours.headers).toEqual(sdk.headers);
  });

  it("signs for its own time when it gets none, and leaves out what changes on the way", async () => {
    const signer = requestSigner(
      SCOPE,
      () => Promise.resolve(KEYS),
      () => NOW,
    );
    const plain = await signer.sign(request());
    expect(plain.headers["x-amz-date"]).toBe("20260101T123015Z");
    const changed = await signer.sign(request({ "user-agent": "x", "x-amzn-trace-id": "y" }));
    expect(signatureOf(changed)).toBe(signatureOf(plain));
  });

  it("signs each request by the credentials and the day as they are then", async () => {
    let [keys, now] = [KEYS, NOW];
    const signer = requestSigner(
      SCOPE,
      () => Promise.resolve(keys),
      () => now,
    );
    const fresh = async (): Promise<string> =>
      signatureOf(
        await requestSigner(
          SCOPE,
          () => Promise.resolve(keys),
          () => now,
        ).sign(request()),
      );
    const seen = [signatureOf(await signer.sign(request()))];
    keys = { ...KEYS, secretAccessKey: "another" };
    seen.push(signatureOf(await signer.sign(request())));
    expect(seen[1]).toBe(await fresh());
    now += 24 * 3_600_000;
    seen.push(signatureOf(await signer.sign(request())));
    expect(seen[2]).toBe(await fresh());
    expect(new Set(seen).size).toBe(3);
  });

  it.each([{ method: "GET" }, { path: "/x" }, { query: { a: "b" } }, { body: undefined }])(
    "refuses a request of another form: %j",
    async (other) => {
      const signer = requestSigner(
        SCOPE,
        () => Promise.resolve(KEYS),
        () => NOW,
      );
      await expect(signer.sign({ ...request(), ...other })).rejects.toThrow(TypeError);
    },
  );
});
