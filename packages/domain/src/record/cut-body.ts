/**
 * As much of a body as so many bytes hold. A body that has reached them may end within a character,
 * of which nothing is kept: text stays text. What is no text loses three bytes at most.
 */
export function cutBody(body: Buffer, bytes: number): Buffer {
  if (body.length < bytes) return body;
  const cut = body.subarray(0, bytes);
  for (let back = 1; back <= Math.min(3, cut.length); back += 1) {
    const byte = cut[cut.length - back] ?? 0;
    if (isContinuation(byte)) continue;
    return lengthBy(byte) > back ? cut.subarray(0, cut.length - back) : cut;
  }
  return cut;
}

function isContinuation(byte: number): boolean {
  return byte >= 0x80 && byte <= 0xbf;
}

/** Bytes of the UTF-8 character that begins so. */
function lengthBy(lead: number): number {
  if (lead >= 0xf0 && lead <= 0xf4) return 4;
  if (lead >= 0xe0 && lead < 0xf0) return 3;
  if (lead >= 0xc2 && lead < 0xe0) return 2;
  return 1;
}
