import { Room } from "livekit-client";
import { AT, idle } from "./app.js";

idle(() => {
  // With a connection for each direction, for which the server needs no media to begin with.
  const room = new Room({ singlePeerConnection: false });
  return () => room.connect(`ws://${AT}/livekit`, "token");
});
