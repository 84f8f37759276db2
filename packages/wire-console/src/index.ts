export { adminRoutes } from "./admin-routes.ts";
export { tenantRoutes } from "./tenant-routes.ts";
