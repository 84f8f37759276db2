/** Where root keeps what the account of Postgres could not reach elsewhere. */
export const SHARED_ROOT = "/var/lib/omnistore";
