/** What stands at the start of a body: when it was sent, or is to arrive, on the clock of the machine. */
export const STAMP_BYTES = 24;

const paddings = new Map<number, Buffer>();

/** A body of so many bytes, at least a stamp, that begins with a time. */
export function stampedBody(bytes: number, atMs: number): Buffer {
  let padding = paddings.get(bytes);
  if (!padding) paddings.set(bytes, (padding = Buffer.alloc(bytes, "x")));
  const body = Buffer.from(padding);
  body.write(atMs.toFixed(4).padEnd(STAMP_BYTES), "latin1");
  return body;
}
