/** As much of LiveKit's server as an empty room needs: its signals, and for its media a peer in a page of its own. */
import { JoinResponse, Pong, SessionDescription, SignalRequest, SignalResponse } from "@livekit/protocol";

/** In seconds, as the server has them by default. */
const PING = { pingInterval: 5, pingTimeout: 15 };

export async function livekit(browser) {
  const page = await (await browser.createBrowserContext()).newPage();
  let peers = 0;
  return (socket) => {
    const peer = ++peers;
    const say = (message) => socket.send(new SignalResponse({ message }).toBinary());
    const join = { room: { name: "room", sid: "RM_1" }, participant: { sid: "PA_1", identity: "ana" }, ...PING };
    say({ case: "join", value: new JoinResponse({ ...join, serverInfo: { version: "1.9.0", protocol: 16 } }) });
    let answered;
    socket.on("message", async (bytes) => {
      const { message } = SignalRequest.fromBinary(bytes);
      if (message.case === "offer") {
        answered = page.evaluate(answer, peer, message.value.sdp);
        say({ case: "answer", value: new SessionDescription({ type: "answer", sdp: await answered, id: message.value.id }) });
      } else if (message.case === "trickle") {
        await answered;
        await page.evaluate(reach, peer, JSON.parse(message.value.candidateInit));
      } else if (message.case === "pingReq") {
        const { timestamp } = message.value;
        say({ case: "pongResp", value: new Pong({ lastPingTimestamp: timestamp, timestamp: BigInt(Date.now()) }) });
      } else if (message.case === "ping") {
        say({ case: "pong", value: message.value });
      }
    });
  };
}

/** In the page: what the peer answers, with all the ways to it. */
async function answer(id, sdp) {
  const peer = new RTCPeerConnection();
  (window.peers ??= new Map()).set(id, peer);
  await peer.setRemoteDescription({ type: "offer", sdp });
  await peer.setLocalDescription();
  if (peer.iceGatheringState !== "complete") {
    await new Promise((resolve) => {
      peer.onicegatheringstatechange = () => peer.iceGatheringState === "complete" && resolve();
    });
  }
  return peer.localDescription.sdp;
}

/** In the page: a way to the other side. */
function reach(id, candidate) {
  return window.peers.get(id).addIceCandidate(candidate);
}
