import type { HeaderMap, MessageOptions } from "@omnistore/domain/message/message";

import type { DataKey, Place } from "./data-key.ts";

/** Stands in the place of headers that are sealed together with the body. */
export const SEALED = "sealed";

/** What is sealed with a body: nobody searches by it. Answers have headers only. */
export interface SealedNames extends Pick<MessageOptions, "callback" | "failureCallback"> {
  readonly headers: HeaderMap;
}

const LENGTH_BYTES = 4;

/** What is known by name and a body, sealed as one. Layout: length of the JSON (4 bytes), JSON, body. */
export function sealContent(key: DataKey, place: Place, named: SealedNames, body: Buffer): Buffer {
  const text = JSON.stringify(named);
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(Buffer.byteLength(text));
  return key.seal(place, length, text, body);
}

/** Throws when the key is not there, or the content was changed or moved. */
export function openContent(
  key: DataKey | undefined,
  place: Place,
  sealed: Buffer,
): { readonly named: SealedNames; readonly body: Buffer } {
  if (key === undefined) throw new Error(`the key of tenant ${place.tenantId} is not there`);
  const content = key.open(place, sealed);
  const start = LENGTH_BYTES + content.readUInt32BE(0);
  return {
    named: sealedBefore(content.toString("utf8", LENGTH_BYTES, start)),
    body: content.subarray(start),
  };
}

/** Authenticated: it is what `sealContent` was given for this place. */
function sealedBefore(text: string): SealedNames {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above
  return JSON.parse(text) as SealedNames;
}
