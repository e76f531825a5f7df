/** What becomes of a host's page, drawn by a number: the same for everybody who is to end its stream. */
import { random } from "../../tests/e2e/random.mjs";
import { FAULTS } from "./backend.mjs";

const SIGNALS = ["click", "meeting"];
export const FATES = ["close", "reload", "crash"];
/** How long the page is there after the stream was to end: no longer than it takes, a moment, a while. */
const GAPS = [0, 1_000, 5_000];

export function draw(number) {
  const chance = random(number);
  // The first numbers of seeds that are neighbours are alike.
  for (let i = 0; i < 10; i++) chance();
  const one = (of) => of[Math.floor(chance() * of.length)];
  return {
    signal: one(SIGNALS),
    fate: one(FATES),
    fault: one(Object.keys(FAULTS)),
    gap: Math.floor(one(GAPS) * chance()),
    /** Until the person comes back. */
    away: 500 + Math.floor(1_500 * chance()),
    chance,
  };
}
