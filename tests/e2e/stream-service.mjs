/** The demo's stand-in for Stream, and the real SDK in front of it. */
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { StreamChat } from "stream-chat";
import { DEMO_URL } from "./environment.mjs";

export const tokenOf = async (user_id) => (await post("token", { user_id })).token;
export const fault = (fault, user_id, count) => post("faults", { fault, user_id, count });
export const reset = (user_id) => post("reset", { user_id });

export async function state() {
  const response = await fetch(`${DEMO_URL}/demo/chat/state`);
  assert.equal(response.status, 200);
  return response.json();
}

/** What the service counted of this user: `{open, opened, closed, peak}`. */
export async function countsOf(user_id) {
  return (await state()).by_user[user_id] ?? { open: 0, opened: 0, closed: 0, peak: 0 };
}

/** Waits until the counts are as they should be. */
export async function untilCounts(user_id, areRight) {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const counts = await countsOf(user_id);
    if (areRight(counts)) return counts;
    assert.ok(Date.now() < deadline, `${user_id} has ${JSON.stringify(counts)}`);
    await pause(20);
  }
}

/** A client of the SDK as a page would make it. */
export function newClient() {
  return new StreamChat("demo-key", {
    baseURL: `${DEMO_URL}/demo/stream-chat`,
    allowServerSideConnect: true,
    // Whatever proxy the environment names: the service is on this machine.
    axiosRequestConfig: { proxy: false },
  });
}

/** The next event of this type that a client or a channel hears. */
export function next(source, type) {
  return new Promise((resolve) => {
    const { unsubscribe } = source.on(type, (event) => {
      unsubscribe();
      resolve(event);
    });
  });
}

async function post(path, body) {
  const response = await fetch(`${DEMO_URL}/demo/chat/${path}`, { method: "POST", body: JSON.stringify(body) });
  assert.ok(response.ok, `${path} answered ${response.status}: ${await response.clone().text()}`);
  return response.json();
}
