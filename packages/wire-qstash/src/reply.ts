/** A JSON answer. A plain header record: the Node adapter writes it without building `Headers`. */
export function reply(
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(JSON.stringify(value), {
    status,
    headers: { "content-type": "application/json", ...headers },
  });
}
