import type { IncomingMessage } from "node:http";
import { MAX_REQUEST_BYTES } from "@omnistore/domain/message/limits";
import { UnavailableError } from "@omnistore/domain/unavailable";
import { InvalidRequest } from "../errors.ts";
import { ReadingRoom } from "./reading-room.ts";

/**
 * Every byte of a request's body, whatever its encoding says. Refuses a body over the limit with
 * 413, by its declared length before reading any of it; `origin` says who sets the limit. With
 * `UnavailableError` when the process reads too many long bodies already. Contract 06 §4, 07 Q20.
 */
export function readBody(
  incoming: IncomingMessage,
  maxBytes = MAX_REQUEST_BYTES,
  origin: () => string = () => "which is the most that this service takes",
): Promise<Buffer> {
  const declared = Number(incoming.headers["content-length"] ?? 0);
  if (declared > maxBytes) return Promise.reject(tooLarge(`${declared} bytes`, maxBytes, origin));
  // A connection that was lost earlier has said so already and will not say it again.
  if (incoming.destroyed) return Promise.reject(cutOff());

  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const room = new ReadingRoom();
    let size = 0;

    const stopListening = () => {
      room.leave();
      incoming.off("data", onData).off("end", onEnd).off("error", onLost).off("close", onLost);
    };
    const onData = (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxBytes && room.growTo(size)) {
        chunks.push(chunk);
        return;
      }
      stopListening();
      incoming.pause();
      const isOver = size > maxBytes;
      reject(isOver ? tooLarge(`more than ${maxBytes} bytes`, maxBytes, origin) : tooMany());
    };
    const onEnd = () => {
      stopListening();
      const [first] = chunks;
      resolve(chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, size));
    };
    const onLost = () => {
      stopListening();
      reject(cutOff());
    };
    incoming.on("data", onData).on("end", onEnd).on("error", onLost).on("close", onLost);
  });
}

/** The rest of the body is not worth reading, so the connection cannot be used again. */
function tooLarge(size: string, maxBytes: number, origin: () => string): InvalidRequest {
  const text = `the body is too large: ${size}, the limit is ${maxBytes} bytes, ${origin()}`;
  return new InvalidRequest(413, text, { connection: "close" });
}

function tooMany(): UnavailableError {
  return new UnavailableError("too many long bodies are coming in at once: send it again later");
}

/** Nobody is left to read this; it keeps a lost connection from looking like a fault of ours. */
function cutOff(): InvalidRequest {
  return new InvalidRequest(400, "the body ended before it was complete");
}
