import { reply } from "./reply.ts";

/**
 * A JSON array of all that comes, without ever holding more of it than two parts: the wire has no
 * cursor for these lists, and clients want them whole. A failure before the third part is answered in
 * words. One behind it breaks the connection, so that nobody takes a part for the whole.
 */
export async function replyList<Item>(
  parts: AsyncIterable<readonly Item[]>,
  view: (item: Item) => unknown,
  onError: (error: unknown) => void,
): Promise<Response> {
  const iterator = parts[Symbol.asyncIterator]();
  const first = await iterator.next();
  const second = first.done === true ? first : await iterator.next();
  if (second.done === true) {
    return reply(200, first.done === true ? [] : first.value.map(view));
  }
  const start: readonly Item[] = [...(first.done === true ? [] : first.value), ...second.value];
  const body = ReadableStream.from(arrayText(start, iterator, view, onError));
  return new Response(body, { status: 200, headers: { "content-type": "application/json" } });
}

/** The text of the array, one item at a time: bodies may be large. */
async function* arrayText<Item>(
  start: readonly Item[],
  rest: AsyncIterator<readonly Item[]>,
  view: (item: Item) => unknown,
  onError: (error: unknown) => void,
): AsyncGenerator<Uint8Array> {
  let separator = "[";
  let items = start;
  try {
    for (;;) {
      for (const item of items) {
        yield Buffer.from(separator + JSON.stringify(view(item)));
        separator = ",";
      }
      const next = await rest.next();
      if (next.done === true) break;
      items = next.value;
    }
  } catch (error) {
    onError(error);
    throw error;
  }
  yield Buffer.from(separator === "[" ? "[]" : "]");
}
