import { errorCode, rootMessage } from "./error-code.ts";

/** Why the api cannot listen, and what to do about it. */
export function listenProblem(error: unknown, port: number, host: string): string {
  const code = errorCode(error) ?? "";
  switch (code) {
    case "EADDRINUSE":
      return `port ${port} on ${host} is in use: end what listens there, or set PORT to another one`;
    case "EACCES":
    case "EPERM":
      return `this user may not listen on port ${port}: set PORT to one from 1024 on`;
    case "EADDRNOTAVAIL":
    case "EAFNOSUPPORT":
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `HOST is ${JSON.stringify(host)}, which is no address of this machine: set it to one, or to 0.0.0.0 for all`;
    default:
      return `cannot listen on port ${port} of ${host}: ${rootMessage(error)}`;
  }
}
