/** Viewers that cost the measuring machine little: a WebSocket handshake, a hello, and then silence. */
import { connect } from "node:net";
import { randomBytes } from "node:crypto";

/** A masked text frame, as clients send them; up to 64 KiB. */
function frame(text) {
  const payload = Buffer.from(text);
  const mask = randomBytes(4);
  for (let i = 0; i < payload.length; i++) payload[i] ^= mask[i & 3];
  const head = payload.length < 126 ? Buffer.from([0x81, 0x80 | payload.length]) : Buffer.from([0x81, 0xfe, payload.length >> 8, payload.length & 255]);
  return Buffer.concat([head, mask, payload]);
}

/** So many addresses of this machine that no limit by address is reached. */
const addressOf = (n) => `127.1.${(n / 100) | 0}.${(n % 100) + 1}`;

/** The nth viewer, once it has been welcomed. */
export function join(port, path, n, token) {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", localAddress: addressOf(n % 20_000), noDelay: true });
    let heard = "";
    socket.on("error", reject);
    socket.on("close", () => reject(new Error(`closed after: ${heard.slice(0, 200)}`)));
    socket.once("connect", () => {
      const head = [`GET ${path} HTTP/1.1`, "Host: 127.0.0.1", "Connection: Upgrade", "Upgrade: websocket"];
      const key = randomBytes(16).toString("base64");
      socket.write([...head, "Sec-WebSocket-Version: 13", `Sec-WebSocket-Key: ${key}`, "", ""].join("\r\n"));
      socket.write(frame(JSON.stringify({ type: "hello", token })));
    });
    socket.on("data", function listen(data) {
      heard += data.toString("latin1");
      if (!heard.includes('"welcome"')) return;
      socket.off("data", listen);
      socket.on("data", () => {});
      resolve(socket);
    });
  });
}

/** Leaves with a goodbye, and waits until the server has taken note of it. */
export function leave(socket) {
  return new Promise((resolve) => {
    socket.removeAllListeners("close");
    socket.on("close", resolve);
    socket.on("data", () => socket.end());
    socket.write(frame('{"type":"bye"}'));
  });
}
