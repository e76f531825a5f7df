import { StreamkeeperError } from "./error.js";
import type { StreamSession } from "./types.js";

/** What is said of a session to the WASM. Without `failed` it was only looked at; without `open` it cannot be asked. */
type Say = (session: number, failed: boolean | undefined, open: boolean | undefined) => void;

/** Holds the app's sessions, and calls them when the WASM says so. Which of them, and when, is for the engine to say. */
export class Sessions {
  readonly #sessions = new Map<number, StreamSession>();
  #last = 0;

  constructor(private readonly say: Say) {}

  /** Gives its number. */
  add(session: StreamSession): number {
    const { stop, isOpen } = (session ?? {}) as Partial<StreamSession>;
    if (typeof stop !== "function") throw new StreamkeeperError("invalid_argument", "session.stop must be a function");
    if (isOpen !== undefined && typeof isOpen !== "function") {
      throw new StreamkeeperError("invalid_argument", "session.isOpen must be a function, or left out");
    }
    this.#sessions.set(++this.#last, session);
    return this.#last;
  }

  remove(session: number): void {
    this.#sessions.delete(session);
  }

  clear(): void {
    this.#sessions.clear();
  }

  /** `what`: `stop`, `look`, `forget`. */
  act(number: number, what: string): void {
    const session = this.#sessions.get(number);
    if (what === "forget") return this.remove(number);
    if (!session) return this.say(number, undefined, false);
    if (what === "look") return this.say(number, undefined, isOpen(session));
    const stopping = async () => session.stop();
    void stopping()
      .then(() => false, () => true)
      .then((failed) => this.say(number, failed, isOpen(session)));
  }

  /** Which of those that can be asked are open now, by number. */
  look(): Record<number, boolean> {
    const all = [...this.#sessions].map(([number, session]) => [number, isOpen(session)] as const);
    return Object.fromEntries(all.filter(([, open]) => open !== undefined)) as Record<number, boolean>;
  }
}

/** `undefined`: it cannot be asked, or the asking threw. */
function isOpen(session: StreamSession): boolean | undefined {
  try {
    return session.isOpen && session.isOpen() === true;
  } catch {
    return undefined;
  }
}
