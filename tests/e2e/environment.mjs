/** What `cargo xtask test e2e` gives. */
function required(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is missing: run \`cargo xtask test e2e\``);
  return value;
}

export const DEMO_URL = required("DEMO_URL").replace(/\/$/, "");
export const DATABASE_URL = required("DATABASE_URL");
export const GATEWAY_BIN = required("GATEWAY_BIN");
export const CHROMIUM = process.env.CHROMIUM || "/usr/bin/chromium";
/** The tests run in this one, where it is given, instead of in Chromium. */
export const FIREFOX = process.env.FIREFOX;
