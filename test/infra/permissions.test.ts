import { describe, expect, it } from "vitest";
import { functions, type FunctionName, type FunctionRights } from "../../infra/functions.ts";
import { functionsByName, serviceTemplates, type Resource } from "../support/service-templates.ts";

const { api } = serviceTemplates();

/** Everything a role may do, as `action on resource`, sorted; resources by what they are. */
function grants(roleId: string, of: typeof api = api): string[] {
  const role = (of.findResources("AWS::IAM::Role") as Record<string, Resource>)[roleId];
  expect(role?.Properties["ManagedPolicyArns"]).toBeUndefined();
  const attached = Object.values(of.findResources("AWS::IAM::Policy") as Record<string, Resource>)
    .filter(({ Properties }) => Properties["Roles"].some((ref: { Ref: string }) => ref.Ref === roleId))
    .map(({ Properties }) => Properties["PolicyDocument"]);
  const inline = (role?.Properties["Policies"] ?? []).map((policy: any) => policy.PolicyDocument);
  return [...inline, ...attached]
    .flatMap((document) => document.Statement)
    .flatMap(({ Effect, Action, Resource }) =>
      [Action].flat().map((action: string) => `${Effect} ${action} on ${nameOf(Resource)}`),
    )
    .sort();
}

function nameOf(resource: any): string {
  const text = JSON.stringify(resource);
  if (text.includes('"/index/due"')) return "due index";
  const [, feed] = /"\/index\/(feed[12])"/.exec(text) ?? [];
  if (feed !== undefined) return feed;
  if (resource["Fn::ImportValue"]?.includes("Table")) return "table";
  if (resource["Fn::GetAtt"]?.[0].startsWith("DelaysQueue")) return "queue";
  if (text.includes(":event-bus/ActingWeb-Events")) return "event bus";
  if (resource["Fn::GetAtt"]?.[0].includes("Log")) return "own log";
  return text;
}

function expected(rights: FunctionRights): string[] {
  return [
    "Allow logs:CreateLogStream on own log",
    "Allow logs:PutLogEvents on own log",
    ...rights.table.map((action) => `Allow dynamodb:${action} on table`),
    ...(rights.dueIndex ? ["Allow dynamodb:Query on due index"] : []),
    ...(rights.feedIndex ? ["Allow dynamodb:Query on feed1", "Allow dynamodb:Query on feed2"] : []),
    ...(rights.sends ? ["Allow sqs:SendMessage on queue"] : []),
    ...(rights.readsDepth ? ["Allow sqs:GetQueueAttributes on queue"] : []),
    ...(rights.startedBy === "queue"
      ? ["ReceiveMessage", "ChangeMessageVisibility", "GetQueueUrl", "DeleteMessage", "GetQueueAttributes"].map(
          (action) => `Allow sqs:${action} on queue`,
        )
      : []),
  ].sort();
}

describe("the permissions", () => {
  it.each(Object.keys(functions) as FunctionName[])("of %s are exactly those of functions.ts", (name) => {
    const made = functionsByName(api).get(name);
    expect(grants(made?.Properties["Role"]["Fn::GetAtt"][0])).toEqual(expected(functions[name]));
  });

  it("let the scheduler find due work and hand it over, and touch no item of the table", () => {
    const role = functionsByName(api).get("scheduler")?.Properties["Role"]["Fn::GetAtt"][0];
    expect(grants(role)).toEqual([
      "Allow dynamodb:Query on due index",
      "Allow logs:CreateLogStream on own log",
      "Allow logs:PutLogEvents on own log",
      "Allow sqs:GetQueueAttributes on queue",
      "Allow sqs:SendMessage on queue",
    ]);
  });

  it("let exactly the functions that run hooks or deliver publish to the event bus, when there is one", () => {
    const { api: withBus } = serviceTemplates({ BUS: "eventbridge" });
    for (const [name, { Properties }] of functionsByName(withBus)) {
      const rights = functions[name as FunctionName];
      const all = grants(Properties["Role"]["Fn::GetAtt"][0], withBus);
      const publishing = rights.publishes ? ["Allow events:PutEvents on event bus"] : [];
      expect([name, all]).toEqual([name, [...expected(rights), ...publishing].sort()]);
    }
    expect(Object.entries(functions).flatMap(([name, { publishes }]) => (publishes ? [name] : []))).toEqual([
      ...["callbacks", "api", "worker"],
    ]);
  });

  it("give each function a role and a log of its own", () => {
    const made = [...functionsByName(api).values()];
    expect(made).toHaveLength(Object.keys(functions).length);
    expect(new Set(made.map(({ Properties }) => Properties["Role"]["Fn::GetAtt"][0])).size).toBe(made.length);
    expect(new Set(made.map(({ Properties }) => Properties["LoggingConfig"].LogGroup.Ref)).size).toBe(made.length);
  });

  it("never allow a scan, a wildcard or another principal's function", () => {
    const text =
      JSON.stringify(api.findResources("AWS::IAM::Role")) + JSON.stringify(api.findResources("AWS::IAM::Policy"));
    expect(text).not.toMatch(/Scan|"\*"|:\*"|iam:|lambda:/);
  });

  it("let a function call the queue only where functions.ts says that it sends", () => {
    for (const [name, { Properties }] of functionsByName(api)) {
      const knows = "QUEUE_URL" in Properties["Environment"].Variables;
      expect([name, knows]).toEqual([name, functions[name as FunctionName].sends]);
    }
  });
});
