/** A request that must be refused. */
export interface Malformed {
  /** Section of the contract and what is wrong, for the name of the test. */
  readonly name: string;
  /** The whole request as it goes over the wire; `{token}` stands for a token that may write. */
  readonly bytes: Buffer;
  readonly status: number;
  /** What the error must say: the field and its value. */
  readonly says: readonly string[];
}

interface Parts {
  readonly headers?: readonly string[];
  readonly body?: string | Buffer;
  readonly status?: number;
}

/** A well-framed request. `line` is method and target; without an `Authorization` it gets the token. */
export function refused(
  name: string,
  line: string,
  says: readonly string[],
  { headers = [], body = "", status = 400 }: Parts = {},
): Malformed {
  const isThere = (header: string) =>
    headers.some((given) => given.toLowerCase().startsWith(`${header}:`));
  const lines = [
    `${line} HTTP/1.1`,
    "Host: omnistore.test",
    "Connection: close",
    ...(isThere("authorization") ? [] : ["Authorization: Bearer {token}"]),
    ...(isThere("content-length") ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]),
    ...headers,
  ];
  const head = Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
  return { name, bytes: Buffer.concat([head, Buffer.from(body)]), status, says };
}

/** A request of which every byte is written out. */
export function raw(
  name: string,
  bytes: string | Buffer,
  says: readonly string[],
  status = 400,
): Malformed {
  const written = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes, "latin1");
  return { name, bytes: written, status, says };
}

/** How an error shows a text: in quotes, control characters escaped, cut at 200 characters. */
export function quoted(text: string): string {
  const cut = text.length > 200 ? `${text.slice(0, 200)}…` : text;
  return JSON.stringify(cut).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
