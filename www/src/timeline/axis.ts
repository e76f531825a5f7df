/** Steps that people count in. */
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600].map((seconds) => seconds * 1_000);

/** At most so many are labelled. */
const MOST = 4;

/** Round times between the two. */
export function roundTimes(from: number, to: number): number[] {
  const step = STEPS.find((step) => (to - from) / step <= MOST) ?? 600_000;
  const first = Math.ceil(from / step) * step;
  return Array.from({ length: Math.max(0, Math.floor((to - first) / step) + 1) }, (_, index) => first + index * step);
}
