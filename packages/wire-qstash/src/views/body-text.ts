import { isUtf8 } from "node:buffer";

/** A body as text when it is valid UTF-8, in base64 otherwise; nothing of an empty one. Contract 00 §7. */
export type BodyText =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "base64"; readonly text: string }
  | undefined;

export function bodyText(body: Buffer): BodyText {
  if (body.length === 0) return undefined;
  return isUtf8(body)
    ? { kind: "text", text: body.toString("utf8") }
    : { kind: "base64", text: body.toString("base64") };
}
