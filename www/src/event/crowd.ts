import { token } from "../api";

const AT_ONCE = 5;

/** Viewers without a face: each has a socket and a name of its own, and says what Streamkeeper says for a real one. */
export class Crowd {
  readonly #sockets = new Set<WebSocket>();

  /** `told`: how many of us there are, and how many are there in all, as the last of them was told. */
  constructor(
    private readonly eventId: string,
    private readonly told: (here: number, count: number | null) => void,
  ) {}

  async come(): Promise<void> {
    const names = Array.from({ length: AT_ONCE }, () => `viewer-${crypto.randomUUID()}`);
    await Promise.all(names.map((name) => this.#join(name)));
  }

  leave(): void {
    for (const socket of this.#sockets) {
      if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type: "bye" }));
      socket.close();
    }
  }

  async #join(name: string): Promise<void> {
    const hello = JSON.stringify({ type: "hello", token: await token(name) });
    const socket = new WebSocket(`${location.origin.replace("http", "ws")}/events/${this.eventId}/ws`);
    this.#sockets.add(socket);
    socket.onopen = () => socket.send(hello);
    socket.onclose = () => {
      this.#sockets.delete(socket);
      this.told(this.#sockets.size, null);
    };
    socket.onmessage = ({ data }) => {
      const { viewers, count = viewers } = JSON.parse(data) as { viewers?: number; count?: number };
      if (count !== undefined) this.told(this.#sockets.size, count);
    };
  }
}
