/** The part of a syntax node this rule looks at. */
type CallNode = { callee: { type: string; name?: string }; arguments: readonly unknown[] };
type RuleContext = { report(problem: { node: CallNode; message: string }): void };

/**
 * Forbids `new Date()` and `Date()`, which read the clock. `new Date(value)` stays allowed: it is
 * arithmetic. oxlint has no rule of its own that tells the two apart.
 */
const explicitClock = {
  create(context: RuleContext) {
    const check = (node: CallNode, readsClock: boolean) => {
      if (readsClock && node.callee.type === "Identifier" && node.callee.name === "Date") {
        context.report({
          node,
          message: "This reads the machine's clock: take `now` as an argument.",
        });
      }
    };
    return {
      NewExpression: (node: CallNode) => check(node, node.arguments.length === 0),
      CallExpression: (node: CallNode) => check(node, true),
    };
  },
};

// oxlint loads plugins through their default export.
export default { meta: { name: "omnistore" }, rules: { "explicit-clock": explicitClock } };
