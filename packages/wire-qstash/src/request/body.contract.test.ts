import { once } from "node:events";
import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { MAX_BODY_BYTES } from "@omnistore/domain/message/limits";
import { describe, expect, it } from "vitest";
import { readBody } from "./body.ts";

function incoming(headers: Record<string, string> = {}): IncomingMessage {
  return Object.assign(new IncomingMessage(new Socket()), { headers });
}

describe("01 §1 reading a body", () => {
  it("takes exactly the limit and not a byte more", async () => {
    const [exact, over] = [incoming(), incoming()];
    exact.push(Buffer.alloc(MAX_BODY_BYTES));
    exact.push(null);
    await expect(readBody(exact)).resolves.toHaveLength(MAX_BODY_BYTES);
    over.push(Buffer.alloc(MAX_BODY_BYTES));
    over.push(Buffer.alloc(1));
    await expect(readBody(over)).rejects.toMatchObject({ status: 413 });
  });

  it("refuses by the declared length without reading", async () => {
    const declared = incoming({ "content-length": String(MAX_BODY_BYTES + 1) });
    await expect(readBody(declared)).rejects.toMatchObject({ status: 413 });
    expect(declared.readableFlowing).toBeNull();
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
