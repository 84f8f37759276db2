/** User id inside the public development token (Contract 05 §4). */
export const DEVELOPMENT_USER = "defaultUser";
export const DEVELOPMENT_TENANT_ID = "00000000-0000-7000-8000-000000000001";

/** Published with the protocol's own development server: known to everybody, no secrets. */
export const DEVELOPMENT_CREDENTIALS = {
  token: "eyJVc2VySUQiOiJkZWZhdWx0VXNlciIsIlBhc3N3b3JkIjoiZGVmYXVsdFBhc3N3b3JkIn0=",
  currentSigningKey: "sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r",
  nextSigningKey: "sig_5ZB6DVzB1wjE8S6rZ7eenA8Pdnhs",
} as const;
