import type { HeaderMap } from "@omnistore/domain/message/message";

/** Name, value, name, value …, as Node tells the headers of a request. */
export function rawHeaders(headers: HeaderMap): readonly string[] {
  return Object.entries(headers).flatMap(([name, values]) =>
    values.flatMap((value) => [name, value]),
  );
}
