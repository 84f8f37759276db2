import { describe, expect, test } from "vitest";

import { dataDirectoryProblem, dataVersionProblem } from "./data-directory-problem.ts";
import { connectionUrlProblem, databaseProblem, databaseShortage } from "./database-problem.ts";
import { listenProblem } from "./listen-problem.ts";

const target = { host: "db", port: 5432, user: "queue", database: "omnistore" };
const coded = (code: string, message = "said") => Object.assign(new Error(message), { code });

describe("the words for a database", () => {
  test.each([
    ["ENOTFOUND", 'knows the host "db"'],
    ["EAI_AGAIN", 'do not answer for the host "db"'],
    ["ETIMEDOUT", "db:5432 does not answer"],
    ["ECONNRESET", "db:5432 hung up"],
    ["28000", 'lets the user "queue" not in (said)'],
    ["42501", 'the user "queue" may not set up the database "omnistore" (said)'],
    ["25006", "as a replica does"],
    ["53100", "no room left on its disk (said)"],
    ["53200", "no memory left (said)"],
    ["53300", "raise its max_connections"],
    ["53400", "met a limit of its configuration (said)"],
    ["SELF_SIGNED_CERT_IN_CHAIN", "sslrootcert="],
  ])("%s: %s", (code, words) => {
    expect(databaseProblem(coded(code), target)).toContain(words);
  });

  test.each([
    ["SASL: client password must be a string", "asks for a password"],
    ["The server does not support SSL connections", "take sslmode out"],
    ["timeout expired", "does not answer"],
    ["Connection terminated unexpectedly", "hung up"],
  ])("the driver's %s: %s", (message, words) => {
    expect(databaseProblem(new Error(message), target)).toContain(words);
  });

  test("an error of several addresses, or one that wraps another, is told by the one below", () => {
    const refused = coded("ECONNREFUSED", "connect ECONNREFUSED ::1:5432");
    const several = new AggregateError([refused, coded("ECONNREFUSED")]);
    const wrapped = new Error("Failed query: CREATE …", { cause: several });
    expect(databaseProblem(wrapped, { ...target, host: "::1" })).toMatch(
      /^no PostgreSQL listens at \[::1\]:5432 \(connect ECONNREFUSED ::1:5432\)/,
    );
    expect(databaseProblem(refused, { ...target, host: "/run/pg" })).toContain(
      "the socket of port 5432 in /run/pg",
    );
  });

  test("a shortage is told from what else may be wrong, also when it is wrapped", () => {
    const wrapped = new Error("Failed query: SELECT …", { cause: coded("53300") });
    expect(databaseShortage(wrapped)).toContain("PostgreSQL has no connection left (said)");
    expect(databaseShortage(coded("ECONNREFUSED"))).toBeUndefined();
  });

  test("what nobody knows has no words of its own", () => {
    expect(databaseProblem(coded("toString"), target)).toBeUndefined();
    expect(databaseProblem("odd", target)).toBeUndefined();
  });

  test("a URL that cannot be read, and a file that it names", () => {
    expect(connectionUrlProblem(new URIError("URI malformed"))).toContain("URI malformed");
    expect(connectionUrlProblem(coded("EACCES"))).toContain("correct its path");
  });
});

describe("the words for a data directory", () => {
  test.each([
    ["EACCES", "cannot be written by this user"],
    ["EROFS", "read-only"],
    ["ENOSPC", "make room, or"],
    ["EIO", "cannot be used (said)"],
  ])("%s: %s, and which setting", (code, words) => {
    const problem = dataDirectoryProblem("/data", coded(code));
    expect(problem).toContain(words);
    expect(problem).toMatch(/^the data directory \/data .*OMNISTORE_DATA_DIR$/);
  });

  test("data of this PostgreSQL are no problem", () => {
    expect(dataVersionProblem("/data", "18", "18")).toBeNull();
    expect(dataVersionProblem("/data", "19", "18")).toContain("made by PostgreSQL 19");
  });
});

describe("the words for a port", () => {
  test.each([
    ["EACCES", "set PORT to one from 1024 on"],
    ["EADDRNOTAVAIL", 'HOST is "here"'],
    ["EIO", "cannot listen on port 80 of here: said"],
  ])("%s: %s", (code, words) => {
    expect(listenProblem(coded(code), 80, "here")).toContain(words);
  });
});
