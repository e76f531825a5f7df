/** The gateway, asked past the page. */
import assert from "node:assert/strict";
import { DEMO_URL } from "./environment.mjs";

/** What it answers to the next calls that end a stream or a room; none: as usual. */
export const answerEndCalls = (statuses) => answerCalls(["end_stream_comprehensive", "live_room_end"], statuses);

/** What it answers to the next calls of these functions. */
export const answerCalls = (functions, statuses) => post("/demo/faults", { functions, statuses });

/** A token of that person, as an identity provider would give it. */
export async function tokenOf(user, role = "authenticated") {
  const { access_token } = await post("/demo/token", { user_id: user, role });
  return access_token;
}

/** Ends a stream from another device of the same person. */
export const endAs = (user, streamId, reason) =>
  callAs(user, "end_stream_comprehensive", { p_stream_id: streamId, p_reason: reason });

/** What somebody may see of what was said in chats. */
export const listChatLogs = (user, role) => callAs(user, "list_chat_logs", {}, role);

/** Calls a function of the database as somebody. */
export async function callAs(user, name, args, role) {
  const access_token = await tokenOf(user, role);
  return post(`/rest/v1/rpc/${name}`, args, { authorization: `Bearer ${access_token}` });
}

async function post(path, body, headers = {}) {
  const response = await fetch(`${DEMO_URL}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  assert.ok(response.ok, `${path} answered ${response.status}`);
  return response.json();
}
