/** What the codes of transport errors mean to whoever runs the receiver. */
type Words = Readonly<Record<string, string>>;

const NO_ADDRESS = "it has no address";
const NO_WORD = "its name servers do not answer";
const NAME_SERVERS_FAIL = "its name servers fail";

/** How the two resolvers of Node say that a name has no address, or that nobody told. */
export const DNS_WORDS: Words = {
  ENOTFOUND: NO_ADDRESS,
  ENODATA: NO_ADDRESS,
  EBADNAME: "it is no name",
  EAI_AGAIN: NO_WORD,
  ETIMEOUT: NO_WORD,
  EAI_FAIL: NAME_SERVERS_FAIL,
  ESERVFAIL: NAME_SERVERS_FAIL,
  EFORMERR: NAME_SERVERS_FAIL,
  EBADRESP: NAME_SERVERS_FAIL,
  ENOTIMP: NAME_SERVERS_FAIL,
  EREFUSED: "its name servers refuse to tell",
};

const UNTRUSTED = "the certificate was issued by somebody who is not trusted";
const NO_TLS = "the receiver does not speak TLS at this port";
const NO_COMMON = "the receiver speaks no version or cipher of TLS that we do";
const WEAK = "the certificate is too weak";

export const TLS_WORDS: Words = {
  CERT_HAS_EXPIRED: "the certificate has expired",
  CERT_NOT_YET_VALID: "the certificate is not valid yet",
  CERT_REVOKED: "the certificate was revoked",
  CERT_UNTRUSTED: UNTRUSTED,
  DEPTH_ZERO_SELF_SIGNED_CERT: "the certificate is self-signed",
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: `${UNTRUSTED}, or an intermediate one is missing`,
  INVALID_CA: UNTRUSTED,
  INVALID_PURPOSE: "the certificate is not one for servers",
  CERT_SIGNATURE_FAILURE: "the signature of the certificate is wrong",
  HOSTNAME_MISMATCH: "the certificate is for another host",
  ERR_TLS_CERT_ALTNAME_INVALID: "the certificate is for another host",
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS,
  ERR_SSL_UNSUPPORTED_PROTOCOL: NO_COMMON,
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: NO_COMMON,
  ERR_SSL_SSL_TLSV1_ALERT_PROTOCOL_VERSION: NO_COMMON,
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: NO_COMMON,
  ERR_SSL_SSL_ALERT_HANDSHAKE_FAILURE: NO_COMMON,
  ERR_SSL_TLSV1_UNRECOGNIZED_NAME: "the receiver does not know the name of the host",
  ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR: "the receiver gave up for an error of its own",
  ERR_SSL_EE_KEY_TOO_SMALL: WEAK,
  ERR_SSL_CA_MD_TOO_WEAK: WEAK,
};

/** How the client says that an answer is not what HTTP allows. */
export const HTTP_WORDS: Words = {
  UND_ERR_HEADERS_OVERFLOW: "its headers are too long",
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: "it is not as long as it says",
};

/** How its parser does, which has reasons instead of codes. */
export const PARSER_WORDS: Words = {
  "Expected HTTP/, RTSP/ or ICE/": "it does not begin with HTTP/",
  "Invalid major version": "it is of a version that is none",
  "Invalid HTTP version": "it is of a version that is none",
  "Invalid status code": "its status is not a number of three digits",
  "Invalid response status": "its status is not a number of three digits",
  "Invalid header token": "a line of its head is no header",
  "Invalid header value char": "a header holds what no header may hold",
  "Missing expected LF after header value": "a line does not end as it must",
  "Missing expected CR after response line": "a line does not end as it must",
  "Expected LF after CR": "a line does not end as it must",
  "Invalid character in Content-Length": "its length is no number",
  "Invalid character in chunk size": "a chunk has a size that is no number",
  "Chunk size overflow": "a chunk has a size that is no number",
  "Expected LF after chunk data": "a chunk is not as long as it says",
};

export const CONNECTION_WORDS: Words = {
  ECONNREFUSED: "nobody listens at this port",
  ETIMEDOUT: "there was no answer",
  EHOSTUNREACH: "there is no way to the host",
  ENETUNREACH: "there is no way to the network of the host",
  EHOSTDOWN: "the host is down",
  EADDRNOTAVAIL: "the address cannot be reached from here",
  EACCES: "a firewall forbids it",
};

/** The words for a code, with the code for whoever searches for it; for an unknown one it alone. */
export function inWords(words: Words, code: string): string {
  const known = words[code];
  if (known === undefined) return `error ${code || "without a code"}`;
  return `${known} (${code})`;
}
