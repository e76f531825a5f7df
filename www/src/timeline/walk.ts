import type { Item } from "./items";
import { LANES, type Lane } from "./lanes";

/** The last one that began. */
export function newestIn(items: Item[]): Item | undefined {
  return items.at(-1);
}

/** The next one in time, or the one before. */
export function ahead(items: Item[], from: Item | undefined, by: 1 | -1): Item | undefined {
  const index = items.findIndex(({ id }) => id === from?.id);
  return items[index + by] ?? from;
}

/** In the next lane that has something, what is nearest in time. */
export function besides(items: Item[], from: Item | undefined, by: 1 | -1): Item | undefined {
  if (!from) return undefined;
  const lanes = Object.keys(LANES) as Lane[];
  for (let index = lanes.indexOf(from.lane) + by; index in lanes; index += by) {
    const there = items.filter(({ lane }) => lane === lanes[index]);
    const distance = (item: Item) => Math.abs(item.from - from.from);
    if (there.length > 0) return there.reduce((nearest, item) => (distance(item) < distance(nearest) ? item : nearest));
  }
  return from;
}
