import { quote } from "@omnistore/domain/quote";

/** What Node tells when its parser gives a request up. */
export interface ClientError extends Error {
  readonly code?: string;
  /** The bytes in which the fault lies, and how many of them were understood. */
  readonly rawPacket?: Buffer;
  readonly bytesParsed?: number;
}

export interface ServerLimits {
  /** Longest time for the head of a request, and for all of it. */
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  /** Request line and headers together. */
  readonly headBytes: number;
}

interface Described {
  readonly status: number;
  readonly error: string;
}

/** Puts an error of the parser into a status and words that show the line in which it lies. */
export function describeClientError(error: ClientError, limits: ServerLimits): Described {
  switch (error.code ?? "") {
    case "HPE_HEADER_OVERFLOW":
      return {
        status: 431,
        error: `the head of the request is larger than ${limits.headBytes} bytes`,
      };
    case "ERR_HTTP_REQUEST_TIMEOUT": {
      const [head, all] = [limits.headersTimeoutMs / 1_000, limits.requestTimeoutMs / 1_000];
      const allowed = `${head} seconds for its head and ${all} for all of it`;
      return { status: 408, error: `the request did not arrive in time: ${allowed}` };
    }
    case "HPE_PAUSED_H2_UPGRADE":
      return { status: 400, error: "HTTP/2.0 is not served here, only HTTP/1.1" };
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return { status: 413, error: "the extensions of a chunk are too long" };
    default:
      return { status: 400, error: `malformed request: ${reasonOf(error)}${whereIn(error)}` };
  }
}

/** Node puts "Parse Error: " before what its parser says. */
function reasonOf({ message }: Error): string {
  const reason = message.replace(/^Parse Error: /, "");
  return reason.startsWith("Invalid char in url") ? `${reason}, percent-encode it` : reason;
}

function whereIn({ rawPacket, bytesParsed = 0 }: ClientError): string {
  if (rawPacket === undefined) return "";
  return `, in ${quote(withoutSecrets(lineAt(rawPacket.toString("latin1"), bytesParsed)))}`;
}

/** The line that holds a position; at its beginning, the one before belongs to it. */
function lineAt(text: string, position: number): string {
  const at = Math.min(position, text.length - 1);
  let start = text.lastIndexOf("\r\n", at - 1) + 1;
  if (start > 0 && at - start < 3) start = text.lastIndexOf("\r\n", start - 2) + 1;
  const end = text.indexOf("\r\n", at + 1);
  return text.slice(start === 0 ? 0 : start + 1, end === -1 ? undefined : end);
}

function withoutSecrets(line: string): string {
  return line
    .replace(/(authorization\s*:?)[^\r]*(?:\r\n[ \t][^\r]*)*/gi, "$1 …")
    .replace(/(qstash_token=)[^&\s]*/gi, "$1…");
}
