import type { ConnectionManager } from "../manager.js";

/** As much of the manager as players need. */
export type Keeper = Pick<ConnectionManager, "registerSession" | "playbackUrl">;

/** The longest pause between two tries. */
const LONGEST = 10_000;

/** After playing for so long, what was before is past. */
const STEADY = 10_000;

/** Trying again would change nothing. A `conflict` is none of them: a stream may be relayed again. */
const FINAL = ["not_allowed", "invalid_argument", "no_backend", "disposed", "crashed"];

/** After a steady time all who watch are lost at the same moment: a gateway was restarted. They do not come back at the same. */
const SPREAD = 1_000;

/** Tries to get a player going again: within a second after a steady time, then with pauses, one at a time, until it is stopped. */
export class Retry {
  #failures = 0;
  #last = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  /**
   * Another try that is under way, or due, is this one: what the player still says is of the source before. `attempt` rejects
   * if it came to nothing, and is over when the player has the next source.
   */
  again(attempt: () => unknown): void {
    if (this.#stopped || this.#timer !== undefined) return;
    const isFirst = this.#last === -Infinity;
    this.#failures = Date.now() - this.#last > STEADY ? 0 : this.#failures + 1;
    const bound = Math.min(LONGEST, 125 * 2 ** this.#failures);
    const pause = this.#failures > 0 ? bound * (0.5 + Math.random() / 2) : isFirst ? 0 : SPREAD * Math.random();
    this.#timer = setTimeout(async () => {
      this.#last = Date.now();
      const failed = await tried(attempt);
      this.#timer = undefined;
      if (failed && !FINAL.includes((failed.error as { code?: string })?.code ?? "")) this.again(attempt);
    }, pause);
  }

  /** How often in a row it has been tried in vain. */
  get failures(): number {
    return this.#failures;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }
}

async function tried(attempt: () => unknown): Promise<{ error: unknown } | undefined> {
  try {
    await attempt();
    return undefined;
  } catch (error) {
    return { error };
  }
}

/** Runs them all, whatever each does; then throws what the first of them threw. */
export function all(...steps: (() => void)[]): void {
  const errors: unknown[] = [];
  for (const step of steps) {
    try {
      step();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}
