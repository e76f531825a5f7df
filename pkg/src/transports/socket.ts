/** Closes a socket at whatever stage it is; resolves when it is gone. */
export function shut(socket: WebSocket): Promise<void> {
  // One that has not opened yet fails when it is closed. Without a listener that is an exception outside of browsers.
  socket.addEventListener("error", () => {});
  socket.close(1000);
  if (socket.readyState === socket.CLOSED) return Promise.resolve();
  return new Promise((resolve) => socket.addEventListener("close", () => resolve(), { once: true }));
}

/** Is there, or is about to be, a connection to the server? */
export function isOpen(socket: WebSocket): boolean {
  return socket.readyState === socket.CONNECTING || socket.readyState === socket.OPEN;
}

/** Sends a ping: true with the next message that answers it, false if the socket is not open, or closes before. */
export async function roundTrip(
  socket: WebSocket,
  ping: string,
  isPong: (data: unknown) => boolean = () => true,
): Promise<boolean> {
  if (socket.readyState !== socket.OPEN) return false;
  return new Promise((resolve, reject) => {
    const settle = (settled: () => void) => {
      socket.removeEventListener("message", heard);
      socket.removeEventListener("close", closed);
      settled();
    };
    const closed = () => settle(() => resolve(false));
    const heard = ({ data }: MessageEvent) => {
      try {
        if (isPong(data)) settle(() => resolve(true));
      } catch (error) {
        settle(() => reject(error));
      }
    };
    socket.addEventListener("message", heard);
    socket.addEventListener("close", closed);
    socket.send(ping);
  });
}
