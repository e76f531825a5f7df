/** The gateway, asked past the page. */
import assert from "node:assert/strict";
import { DEMO_URL } from "./environment.mjs";

/** What it answers to the next calls that end a stream; none: as usual. */
export const answerEndCalls = (statuses) => post("/demo/faults", { function: "end_stream_comprehensive", statuses });

/** A token of that person, as an identity provider would give it. */
export async function tokenOf(user, role = "authenticated") {
  const { access_token } = await post("/demo/token", { user_id: user, role });
  return access_token;
}

/** Ends a stream from another device of the same person. */
export async function endAs(user, streamId, reason) {
  const access_token = await tokenOf(user);
  const call = { p_stream_id: streamId, p_reason: reason };
  return post("/rest/v1/rpc/end_stream_comprehensive", call, { authorization: `Bearer ${access_token}` });
}

/** What somebody may see of what was said in chats. */
export async function listChatLogs(user, role) {
  const access_token = await tokenOf(user, role);
  return post("/rest/v1/rpc/list_chat_logs", {}, { authorization: `Bearer ${access_token}` });
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
