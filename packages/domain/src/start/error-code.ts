/** What Node or PostgreSQL calls an error by; of several tried addresses the first, of a wrapped error what it wraps. */
export function errorCode(error: unknown): string | undefined {
  const root = rootOf(error);
  return root instanceof Error && "code" in root && typeof root.code === "string"
    ? root.code
    : undefined;
}

/** The words of the error below all that only passed it on. */
export function rootMessage(error: unknown): string {
  const root = rootOf(error);
  return root instanceof Error ? root.message : String(root);
}

function rootOf(error: unknown): unknown {
  if (error instanceof AggregateError && error.errors.length > 0) return rootOf(error.errors[0]);
  if (error instanceof Error && error.cause instanceof Error) return rootOf(error.cause);
  return error;
}
