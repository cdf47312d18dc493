// JSON.stringify prints a double beyond 2^53 as its digits, which the next reader takes for a whole number. One lint rule
// keeps it to what has no JSON from outside in it: no type with a bigint, as `Json` is.
import type { Rule } from "eslint";
import ts from "typescript";

interface TypedServices {
  readonly program: ts.Program;
  readonly esTreeNodeToTSNodeMap: { get(node: unknown): ts.Node };
}

/** Most types looked into from one argument: what is larger is a service, and no JSON. */
const MOST_TYPES = 200;

function holdsBigint(type: ts.Type, checker: ts.TypeChecker, seen = new Set<ts.Type>()): boolean {
  if ((type.flags & ts.TypeFlags.BigIntLike) !== 0) return true;
  if (seen.has(type) || seen.size > MOST_TYPES) return false;
  seen.add(type);
  if (type.isUnionOrIntersection()) return type.types.some((part) => holdsBigint(part, checker, seen));
  if ((type.flags & ts.TypeFlags.Object) === 0) return false;
  if (checker.isArrayType(type) || checker.isTupleType(type)) {
    return checker.getTypeArguments(type as ts.TypeReference).some((part) => holdsBigint(part, checker, seen));
  }
  const index = checker.getIndexInfosOfType(type).map((info) => info.type);
  const members = type.getProperties().map((member) => checker.getTypeOfSymbol(member));
  return [...index, ...members].some(
    (part) => part.getCallSignatures().length === 0 && holdsBigint(part, checker, seen),
  );
}

const print: Rule.RuleModule = {
  meta: {
    type: "problem",
    schema: [],
    messages: { wrong: "This may hold JSON from outside: print it with printJson of lib/domain/json/json-text.ts." },
  },
  create(context) {
    const services = context.sourceCode.parserServices as unknown as TypedServices;
    const checker = services.program.getTypeChecker();
    return {
      'CallExpression[callee.object.name="JSON"][callee.property.name="stringify"]'(node: Rule.Node) {
        const [value] = (node as unknown as { arguments: readonly unknown[] }).arguments;
        const type = checker.getTypeAtLocation(services.esTreeNodeToTSNodeMap.get(value));
        if (holdsBigint(type, checker)) context.report({ node, messageId: "wrong" });
      },
    };
  },
};

/** The plugin with this one rule, for eslint.config.js. */
export const numbers = { rules: { print } };
