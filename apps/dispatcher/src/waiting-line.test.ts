import { WAITING_BYTES, WAITING_PLACES } from "@omnistore/domain/claim/slots";
import { expect, test } from "vitest";

import { WaitingLine } from "./waiting-line.ts";

function waiting(messageId: string, bytes = 1) {
  const tenantId = "00000000-0000-7000-8000-000000000001";
  const message = {
    tenantId,
    id: messageId,
    wire: "qstash",
    destination: "https://one.example/",
    method: "POST",
    headers: {},
    body: Buffer.alloc(bytes),
    maxRetries: 0,
    options: {},
    createdAt: 0,
    notBefore: 0,
  } as const;
  return { leased: { tenantId, messageId, owner: "o", retried: 0, isGated: false }, message };
}

test("places that are reserved or taken are not given again", () => {
  const line = new WaitingLine();
  expect(line.reserve(WAITING_PLACES - 1)).toBe(WAITING_PLACES - 1);
  expect(line.reserve(3)).toBe(1);
  expect(line.reserve(3)).toBe(0);
  line.release(2);
  line.push(waiting("1"));
  expect(line.reserve(3)).toBe(1);
});

test("bytes are counted as long as they wait", () => {
  const line = new WaitingLine();
  line.push(waiting("1", WAITING_BYTES - 10));
  expect(line.takes(10)).toBe(true);
  expect(line.takes(11)).toBe(false);
  line.shift();
  expect(line.takes(11)).toBe(true);
});

test("a claim owes as many starts as it began, to those who wait", () => {
  const line = new WaitingLine();
  line.owe(5);
  expect(line.isOwed).toBe(false);
  for (const id of ["1", "2", "3"]) line.push(waiting(id));
  expect(line.isOwed).toBe(false);
  line.owe(2);
  expect(line.isOwed).toBe(true);
  expect([line.shift(), line.shift()].map((next) => next?.message.id)).toEqual(["1", "2"]);
  expect(line.isOwed).toBe(false);
  line.owe(5);
  expect(line.shift()?.message.id).toBe("3");
  expect(line.isOwed).toBe(false);
});
