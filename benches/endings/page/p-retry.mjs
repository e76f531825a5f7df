/** p-retry around the call, by its readme and with its defaults: ten retries, after 1, 2, 4, … seconds. */
import pRetry from "p-retry";
import { rpcOf } from "./rpc.mjs";

export function open(session) {
  const rpc = rpcOf(session, session.options);
  let stream = null;
  let ended = null;
  const end = (reason) => (ended ??= pRetry(() => rpc("end_stream_comprehensive", { p_stream_id: stream, p_reason: reason })).catch(console.error));
  return {
    goLive: async () => (stream = (await rpc("start_stream")).stream_id),
    click: () => void end("button"),
    meeting: () => ["videoConferenceLeft", "readyToClose"].forEach(end),
  };
}
