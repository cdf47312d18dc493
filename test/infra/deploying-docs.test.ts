/** Compares docs/deploying.md with the stacks. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { operatorVariables, secretNames } from "../../infra/operator.ts";
import { functions } from "../../infra/functions.ts";
import { settingNames, settings, type SettingName } from "../../infra/settings.ts";
import { EVERY_SETTING } from "../support/every-setting.ts";
import { functionsByName, serviceTemplates, type Resource } from "../support/service-templates.ts";

const document = readFileSync(new URL("../../docs/deploying.md", import.meta.url), "utf8");

/** The rows of the table under a heading, cell by cell, without the head. */
function rowsUnder(heading: string): string[][] {
  const section = document.split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  const lines = section.split("\n").filter((line) => line.startsWith("|"));
  return lines.slice(2).map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.replaceAll("`", "").trim()),
  );
}

/** The `cdk` commands, each with its context. */
const commands = [...document.matchAll(/npm exec -- cdk (?:deploy|synth)[^\n]*/g)].map(([line]) => ({
  line,
  context: Object.fromEntries([...line.matchAll(/-c (\S+?)=(\S+)/g)].map(([, name = "", value = ""]) => [name, value])),
}));

describe("the document on deploying", () => {
  const rows = rowsUnder("Settings of the stacks");

  it("names every setting that the stacks read, and no other", () => {
    expect(rows.map(([name]) => name).sort()).toEqual([...settingNames].sort());
  });

  it("gives the default of each", () => {
    for (const [name = "", said = ""] of rows) {
      const { otherwise } = settings[name as SettingName];
      const none = otherwise === undefined || (typeof otherwise === "object" && Object.keys(otherwise).length === 0);
      expect([name, said.split(":")[0]]).toEqual([name, none ? "none" : String(otherwise)]);
    }
  });

  it("gives the range of each number, as the stacks check it", () => {
    for (const [name = "", , allowed = ""] of rows) {
      const [, least, most] = /^(\d+) to (\d+)$/.exec(allowed) ?? [];
      if (least === undefined || most === undefined) continue;
      const { read } = settings[name as SettingName];
      expect([name, read(least), read(most)]).toEqual([name, Number(least), Number(most)]);
      expect([name, read(String(Number(least) - 1)), read(String(Number(most) + 1))]).toEqual([
        name,
        undefined,
        undefined,
      ]);
    }
  });

  it("names the settings of the secret, and otherwise only variables that exist", () => {
    const named = rowsUnder("Operator variables").map(([name = ""]) => name);
    expect(named).toEqual(expect.arrayContaining([...secretNames]));
    expect([...operatorVariables, ...secretNames]).toEqual(expect.arrayContaining(named));
  });

  it("names every output of the stacks", () => {
    const { api, data } = serviceTemplates(
      {},
      { ...EVERY_SETTING, ACTOR_CREATION_TOKEN_SECRET: "", OPERATOR_TOKEN_SECRET: "" },
    );
    const outputs = [...Object.keys(api.findOutputs("*")), ...Object.keys(data.findOutputs("*"))];
    const said = rowsUnder("Before the first deploy").flatMap(([name = ""]) => name.split(", "));
    for (const output of outputs.filter((name) => !name.startsWith("ExportsOutput"))) expect(said).toContain(output);
  });

  it("names every alarm", () => {
    const alarms = Object.keys(
      serviceTemplates({ BUS: "eventbridge", ALL_EVENTS: "true" }).api.findResources("AWS::CloudWatch::Alarm"),
    );
    const said = rowsUnder("Alarms").flatMap(([names = ""]) => names.split(", "));
    const expected = said.flatMap((name) =>
      name.startsWith("<function>") ? Object.keys(functions).map((one) => name.replace("<function>", one)) : [name],
    );
    expect(alarms.map((id) => id.slice("Alarms".length, -8)).sort()).toEqual(
      expected.map((name) => name.replaceAll("-", "")).sort(),
    );
  });
});

describe("the commands in it", () => {
  it("are there for the first deploy, the secret and the restore, and synthesise as they stand", () => {
    expect(commands).toHaveLength(3);
    for (const { line, context } of commands) expect(() => serviceTemplates({}, context), line).not.toThrow();
  });

  it("give the function the new version of the secret", () => {
    const change = commands.find(({ context }) => "ACTOR_CREATION_TOKEN_VERSION" in context)?.context ?? {};
    const made = functionsByName(serviceTemplates({}, change).api).get("api");
    expect(JSON.stringify(made?.Properties["Environment"])).toContain(
      `:SecretString:::${change["ACTOR_CREATION_TOKEN_VERSION"] ?? ""}}}`,
    );
  });
});

describe("the restore in it", () => {
  const restore = document.split("\n## Restoring the table\n")[1]?.split("\n## ")[0] ?? "";
  const context = commands.find(({ context: of }) => "tableName" in of)?.context ?? {};
  const name = context["tableName"] ?? "";
  const { api, data } = serviceTemplates({}, context);
  const [table] = Object.values(data.findResources("AWS::DynamoDB::Table") as Record<string, Resource>);

  it("turns every function to the table that it has made", () => {
    for (const { Properties } of functionsByName(api).values()) {
      expect(Properties["Environment"].Variables.TABLE_NAME).toBe(name);
    }
    expect(restore).toContain(`--target-table-name ${name} `);
  });

  it("sets at that table what the data stack sets at its own and a restore leaves out", () => {
    const { AttributeName, Enabled } = table?.Properties["TimeToLiveSpecification"];
    expect(restore).toMatch(
      new RegExp(
        `update-time-to-live --table-name ${name} .*\\s+.*Enabled=${String(Enabled)},AttributeName=${AttributeName}`,
      ),
    );
    expect(table?.Properties["PointInTimeRecoverySpecification"]).toEqual({ PointInTimeRecoveryEnabled: true });
    expect(restore).toMatch(
      new RegExp(`update-continuous-backups --table-name ${name} .*\\s+.*PointInTimeRecoveryEnabled=true`),
    );
    expect(table?.Properties["DeletionProtectionEnabled"]).toBe(true);
    expect(restore).toContain(`update-table --table-name ${name} --deletion-protection-enabled`);
  });

  it("leaves the data stack unchanged, so that deploying without the name returns to it", () => {
    expect(data.toJSON()).toEqual(serviceTemplates().data.toJSON());
  });
});
