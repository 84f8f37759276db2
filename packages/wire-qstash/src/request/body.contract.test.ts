import { once } from "node:events";
import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { MAX_REQUEST_BYTES } from "@omnistore/domain/message/limits";
import { UnavailableError } from "@omnistore/domain/unavailable";
import { until } from "@omnistore/testkit/until";
import { describe, expect, it } from "vitest";
import { readBody } from "./body.ts";
import { READING_BYTES, SHORT_BODY_BYTES } from "./reading-room.ts";

function incoming(headers: Record<string, string> = {}): IncomingMessage {
  return Object.assign(new IncomingMessage(new Socket()), { headers });
}

describe("01 §1 reading a body", () => {
  it("takes exactly the limit and not a byte more", async () => {
    const [exact, over] = [incoming(), incoming()];
    exact.push(Buffer.alloc(MAX_REQUEST_BYTES));
    exact.push(null);
    await expect(readBody(exact)).resolves.toHaveLength(MAX_REQUEST_BYTES);
    over.push(Buffer.alloc(MAX_REQUEST_BYTES));
    over.push(Buffer.alloc(1));
    await expect(readBody(over)).rejects.toMatchObject({ status: 413 });
  });

  it("refuses by the declared length without reading", async () => {
    const declared = incoming({ "content-length": String(MAX_REQUEST_BYTES + 1) });
    await expect(readBody(declared)).rejects.toMatchObject({ status: 413 });
    expect(declared.readableFlowing).toBeNull();
  });

  it("reads so many bytes of long bodies at once and no more, and short ones always", async () => {
    const part = READING_BYTES / 4;
    const long = [incoming(), incoming(), incoming(), incoming()];
    const reading = long.map((request) => readBody(request, READING_BYTES));
    for (const request of long) request.push(Buffer.alloc(part));
    await until(async () => long.every((request) => request.readableLength === 0));

    const [late, short] = [incoming(), incoming()];
    late.push(Buffer.alloc(SHORT_BODY_BYTES + 1));
    await expect(readBody(late)).rejects.toThrow(UnavailableError);
    short.push(Buffer.alloc(SHORT_BODY_BYTES));
    short.push(null);
    await expect(readBody(short)).resolves.toHaveLength(SHORT_BODY_BYTES);

    long[0]?.push(null);
    await reading[0];
    const next = incoming();
    next.push(Buffer.alloc(part));
    next.push(null);
    await expect(readBody(next, READING_BYTES)).resolves.toHaveLength(part);
    for (const request of long.slice(1)) request.push(null);
    await Promise.all(reading);
  });

  it("ends when the connection was lost before or while it reads", async () => {
    const [before, during] = [incoming(), incoming()];
    before.destroy();
    await once(before, "close");
    await expect(readBody(before)).rejects.toMatchObject({ status: 400 });
    const body = readBody(during);
    during.push("half");
    during.destroy();
    await expect(body).rejects.toMatchObject({ status: 400 });
  });
});
