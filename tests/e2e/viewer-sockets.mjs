/** A page's sockets to the gateway, as the browser has them. */
export class ViewerSockets {
  /** `{ url, headers, sent, received, isClosed }` of each, in their order. */
  all = [];
  #waiting = new Set();

  static async of(page) {
    const sockets = new ViewerSockets();
    const session = await page.createCDPSession();
    const byId = new Map();
    const noted = (event, note) =>
      session.on(`Network.${event}`, (said) => {
        const socket = byId.get(said.requestId);
        if (!socket) return;
        note(socket, said);
        sockets.#waiting.forEach((look) => look());
      });
    session.on("Network.webSocketCreated", ({ requestId, url }) => {
      if (!new URL(url).pathname.startsWith("/events/")) return;
      const socket = { url, headers: {}, sent: [], received: [], isClosed: false };
      byId.set(requestId, socket);
      sockets.all.push(socket);
    });
    noted("webSocketWillSendHandshakeRequest", (socket, { request }) => (socket.headers = request.headers));
    noted("webSocketFrameSent", (socket, { response }) => socket.sent.push(JSON.parse(response.payloadData)));
    noted("webSocketFrameReceived", (socket, { response }) => {
      // A ping or a close is none of the page's business.
      if (response.opcode === 1) socket.received.push(JSON.parse(response.payloadData));
    });
    noted("webSocketClosed", (socket) => (socket.isClosed = true));
    await session.send("Network.enable");
    return sockets;
  }

  /** Resolves once they are so. */
  async until(areSo, patience = 45_000) {
    if (areSo(this.all)) return;
    await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`never so: ${JSON.stringify(this.all)}`)), patience);
      const look = () => {
        if (!areSo(this.all)) return;
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
    });
  }
}
