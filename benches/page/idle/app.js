/** A page that does nothing but be connected, if its address asks for it. */

/** Where this page's service is; the first of its path is who it is. */
export const AT = location.host + location.pathname.replace(/\/$/, "");

/** `make` gives what connects, and settles when it is connected. */
export async function idle(make) {
  const connect = await make();
  if (location.hash === "#connected") await connect();
  console.log("idle");
}
