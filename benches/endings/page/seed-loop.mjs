/**
 * The loop that this package replaces, as its authors describe it: one flag against ending twice, three attempts with 1, 2
 * and 3 s after them, then the status is verified and the other function tried. What fails is logged.
 */
import { rpcOf } from "./rpc.mjs";

const ATTEMPTS = 3;

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export function open(session) {
  const rpc = rpcOf(session);
  let stream = null;
  let isEnding = false;

  async function end(reason) {
    if (isEnding) return;
    isEnding = true;
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      try {
        const { success } = await rpc("end_stream_comprehensive", { p_stream_id: stream, p_reason: reason });
        if (success) return;
      } catch (error) {
        console.error(error);
      }
      await pause(attempt * 1_000);
    }
    try {
      const { is_live } = await rpc("get_stream_status", { p_stream_id: stream });
      if (is_live) await rpc("end_stream_on_user_disconnect", { p_streamer_id: session.user });
    } catch (error) {
      console.error(error);
      // What is left is the panel, by hand.
      isEnding = false;
    }
  }

  return {
    goLive: async () => (stream = (await rpc("start_stream")).stream_id),
    click: () => void end("button"),
    // Every one of the meeting's events that mean it leads there.
    meeting: () => ["videoConferenceLeft", "readyToClose"].forEach((event) => void end(event)),
  };
}
