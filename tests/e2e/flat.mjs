/**
 * Is something flat? Takes what was measured at the same time of every day, and says what was not.
 *
 * The first quarter is a warm-up. Of the rest the second quarter and the last are compared by their medians, which one bad
 * hour does not move; what has no slack has to be the same on every one of these days.
 */

/** Fewer days have no quarters to speak of. */
const FEWEST = 4;

export const median = (values) => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

export const quarters = (values) => [0, 1, 2, 3].map((it) => values.slice((it * values.length) / 4, ((it + 1) * values.length) / 4));

/**
 * `days`: `[{ name: number }]`; `bounds`: for each name the growth from the second quarter to the last that is noise, `{ share,
 * more }` of it and beside it, or `exact`. Gives a line for each that has grown.
 */
export function growing(days, bounds) {
  if (days.length < FEWEST) throw new Error(`${days.length} days are too few`);
  return Object.entries(bounds).flatMap(([name, bound]) => {
    const values = days.map((day) => day[name]);
    if (!values.every(Number.isFinite)) throw new Error(`${name} was not measured every day`);
    return (bound === EXACT ? differs : grows)(values, bound).map((words) => `${name} ${words}`);
  });
}

export const EXACT = "exact";

function differs(values) {
  const different = [...new Set(quarters(values).slice(1).flat())];
  return different.length > 1 ? [`is not the same every day: ${different.join(", ")}`] : [];
}

function grows(values, { share = 0, more = 0 }) {
  const [, second, , last] = quarters(values).map(median);
  const allowed = second * (1 + share) + more;
  return last > allowed ? [`has grown from ${second} to ${last}; up to ${allowed} is noise`] : [];
}
