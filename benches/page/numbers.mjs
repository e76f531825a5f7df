/** What many measurements come to. */
export function median(values) {
  return quantile(values, 0.5);
}

/** The first quartile: whatever else the machine does makes a load slower, and none faster. */
export function quartile(values) {
  return quantile(values, 0.25);
}

function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const [low, high] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return low + (high - low) * (at % 1);
}
