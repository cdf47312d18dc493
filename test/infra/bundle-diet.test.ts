import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import { diet } from "../../infra/bundle-diet.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
type Module = Readonly<Record<string, unknown>>;

/** What a source exports once it is bundled, lean as in the functions or as it is. */
async function bundled(source: string, options: { readonly lean: boolean }): Promise<Module> {
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: root },
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    mainFields: ["module", "main"],
    minify: true,
    plugins: options.lean ? [...diet] : [],
  });
  const text = outputFiles[0]?.text ?? "";
  return (await import(`data:text/javascript;base64,${Buffer.from(text).toString("base64")}`)) as Module;
}

describe.each(["client-dynamodb", "client-sqs"])("the errors of %s, written in short", (client) => {
  const source = `export * from "./node_modules/@aws-sdk/${client}/dist-es/models/errors.js";`;
  const shapeOf = (ErrorClass: any) => {
    const error = new ErrorClass({ message: "no", $metadata: { requestId: "r" }, extra: 1 });
    return {
      className: ErrorClass.name,
      shapeId: ErrorClass.shapeId,
      bases: [Object.getPrototypeOf(ErrorClass).shapeId, error instanceof ErrorClass, error instanceof Error],
      fields: { ...error },
      text: String(error),
    };
  };

  it("are class for class what the SDK's are", async () => {
    const [lean, full] = await Promise.all([bundled(source, { lean: true }), bundled(source, { lean: false })]);
    expect(Object.keys(lean)).toEqual(Object.keys(full));
    expect(Object.keys(full).length).toBeGreaterThan(20);
    for (const name of Object.keys(full)) {
      // Minifying takes the classes' own names, which nothing of the SDK reads; in short they keep them.
      expect(shapeOf(lean[name])).toEqual({ ...shapeOf(full[name]), className: expect.any(String) });
    }
  });

  it("are fewer bytes by far", async () => {
    const sizes = await Promise.all(
      [true, false].map(async (lean) => {
        const { outputFiles } = await build({
          stdin: { contents: source, resolveDir: root },
          bundle: true,
          write: false,
          external: ["@smithy/core/client"],
          format: "esm",
          minify: true,
          plugins: lean ? [...diet] : [],
        });
        return outputFiles[0]?.contents.length ?? 0;
      }),
    );
    expect(sizes[0]).toBeLessThan(0.6 * (sizes[1] ?? 0));
  });
});
