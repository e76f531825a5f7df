/** Streamkeeper, with its defaults; but no lease is to run out while deliveries are counted. */
import init, { ConnectionManager } from "streamkeeper";

export async function open({ backend, token, user }) {
  await init();
  const manager = ConnectionManager.shared({
    backend: { url: backend, accessToken: () => token },
    ending: { hostGrace: 90_000 },
    logger: {},
  });
  const listeners = new Map();
  const tell = (name) => listeners.get(name)?.({});
  let stream = null;
  return {
    async goLive() {
      stream = (await manager.startStream()).stream_id;
      const meeting = { on: (name, listener) => listeners.set(name, listener), off: (name) => listeners.delete(name) };
      manager.attachMeeting(meeting, { streamId: stream, streamerId: user, role: "host" });
      tell("videoConferenceJoined");
      return stream;
    },
    click: () => void manager.endStreamById(stream, "button").catch(() => {}),
    meeting: () => ["videoConferenceLeft", "readyToClose"].forEach(tell),
  };
}
