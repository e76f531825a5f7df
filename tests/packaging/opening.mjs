/** What a transport is given and says, and what its errors may not say. */
import assert from "node:assert/strict";
import { inspect } from "node:util";

const base64 = (json) => Buffer.from(JSON.stringify(json)).toString("base64url");

/** Not signed: no server here looks at that. */
export const tokenOf = (user_id) =>
  `${base64({ alg: "HS256", typ: "JWT" })}.${base64({ user_id, secret: "hush" })}.c2lnbmF0dXJl`;

export const TOKEN = tokenOf("ana");
export const ANA = Object.freeze({ id: "ana", name: "Ana" });

/** One opening for Ana, what is said of it, and how it is aborted. */
export function openingOf(options = {}) {
  const controller = new AbortController();
  const said = { alive: 0, lost: [] };
  const opening = {
    user: ANA,
    token: TOKEN,
    signal: controller.signal,
    alive: () => said.alive++,
    lost: (reason) => said.lost.push(reason),
    ...options,
  };
  return { opening, said, abort: () => controller.abort() };
}

/** An error with this code, in all of which there is no part of the token. */
export const isError = (code, message = /./) => (error) => {
  const all = inspect(error, { depth: 9, showHidden: true });
  assert.ok(error instanceof Error, all);
  assert.equal(error.code, code, all);
  assert.match(error.message, message);
  for (const part of TOKEN.split(".")) assert.ok(!all.includes(part), all);
  return true;
};
