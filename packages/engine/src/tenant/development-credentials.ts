/** A tenant of development mode, whose secrets are public. */
export interface DevelopmentTenant {
  readonly tenantId: string;
  readonly name: string;
  /** User id inside the token. */
  readonly user: string;
  readonly token: string;
  readonly currentSigningKey: string;
  readonly nextSigningKey: string;
}

/** Published with the protocol's own development server: known to everybody, no secrets. Contract 05 §4. */
export const DEVELOPMENT_CREDENTIALS = developmentTenant(1, "defaultUser", "defaultPassword", [
  "sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r",
  "sig_5ZB6DVzB1wjE8S6rZ7eenA8Pdnhs",
]);

/** The first, which SDKs use by themselves, and three more to try several tenants with. */
export const DEVELOPMENT_TENANTS: readonly DevelopmentTenant[] = [
  DEVELOPMENT_CREDENTIALS,
  developmentTenant(2, "testUser1", "testPassword", [
    "sig_7GVPjvuwsfqF65iC8fSrs1dfYruM",
    "sig_5NoELc3EFnZn4DVS5bDs2Nk4b7Ua",
  ]),
  developmentTenant(3, "testUser2", "testPassword", [
    "sig_6jWGaWRxHsw4vMSPJprXadyvrybF",
    "sig_7qHbvhmahe5GwfePDiS5Lg3pi6Qx",
  ]),
  developmentTenant(4, "testUser3", "testPassword", [
    "sig_5T8FcSsynBjn9mMLBsXhpacRovJf",
    "sig_7GFR4YaDshFcqsxWRZpRB161jguD",
  ]),
];

/** The development tenant that a token's user id names, if any. */
export function developmentTenantOf(user: unknown): DevelopmentTenant | undefined {
  return DEVELOPMENT_TENANTS.find((tenant) => tenant.user === user);
}

export function isDevelopmentTenant(tenantId: string): boolean {
  return DEVELOPMENT_TENANTS.some((tenant) => tenant.tenantId === tenantId);
}

function developmentTenant(
  number: number,
  user: string,
  password: string,
  [currentSigningKey, nextSigningKey]: readonly [string, string],
): DevelopmentTenant {
  const claims = JSON.stringify({ UserID: user, Password: password });
  return {
    tenantId: `00000000-0000-7000-8000-00000000000${number}`,
    name: number === 1 ? "development" : `development ${number}`,
    user,
    token: Buffer.from(claims).toString("base64"),
    currentSigningKey,
    nextSigningKey,
  };
}
