import type { Item } from "./items";
import { LANES, type Lane } from "./lanes";
import type { TimeWindow } from "./useWindow";

interface Press {
  view: TimeWindow;
  items: Item[];
  from: Item | undefined;
  go: (item: Item | undefined) => void;
  letGo: () => void;
}

/** What the lanes do, key by key. */
export const KEYS: Record<string, (press: Press) => void> = {
  ArrowLeft: ({ items, from, go }) => go(ahead(items, from, -1)),
  ArrowRight: ({ items, from, go }) => go(ahead(items, from, 1)),
  ArrowUp: ({ items, from, go }) => go(besides(items, from, -1)),
  ArrowDown: ({ items, from, go }) => go(besides(items, from, 1)),
  Home: ({ items, go }) => go(items[0]),
  End: ({ items, go }) => go(items.at(-1)),
  "+": ({ view }) => view.zoom(true),
  "=": ({ view }) => view.zoom(true),
  "-": ({ view }) => view.zoom(false),
  " ": ({ view }) => (view.isPaused ? view.follow() : view.pause()),
  Escape: ({ view, letGo }) => {
    view.follow();
    letGo();
  },
};

/** The next one in time, or the one before. */
function ahead(items: Item[], from: Item | undefined, by: 1 | -1): Item | undefined {
  const index = items.findIndex(({ id }) => id === from?.id);
  return items[index + by] ?? from;
}

/** In the next lane that has something, what is nearest in time. */
function besides(items: Item[], from: Item | undefined, by: 1 | -1): Item | undefined {
  if (!from) return undefined;
  const lanes = Object.keys(LANES) as Lane[];
  for (let index = lanes.indexOf(from.lane) + by; index in lanes; index += by) {
    const there = items.filter(({ lane }) => lane === lanes[index]);
    const distance = (item: Item) => Math.abs(item.from - from.from);
    if (there.length > 0) return there.reduce((nearest, item) => (distance(item) < distance(nearest) ? item : nearest));
  }
  return from;
}
