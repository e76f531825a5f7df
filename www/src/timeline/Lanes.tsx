import { useEffect, useId, useRef, type KeyboardEvent, type PointerEvent } from "react";
import { clock } from "../words";
import { roundTimes } from "./axis";
import type { Item } from "./items";
import { LANES, type Lane } from "./lanes";
import { ahead, besides, newestIn } from "./walk";
import type { TimeWindow } from "./useWindow";

interface Props {
  items: Item[];
  view: TimeWindow;
  /** What somebody looks at, by the mouse or by the keyboard. */
  shown: Item | null;
  onShow: (item: Item | null) => void;
}

/** The lanes. One stop for the Tab key: within, the arrow keys go from one thing to the next. */
export function Lanes({ items, view, shown, onShow }: Props) {
  const id = useId();
  const plot = useRef<HTMLDivElement>(null);
  useWheel(plot, view);
  const drag = useDrag(view);
  const place = (time: number) => ((time - view.from) / (view.to - view.from)) * 100;
  // What is paused, or looked at, stays as it is.
  const known = items.filter(({ from }) => from <= view.now);
  const visible = known.filter(({ from, to }) => from <= view.to && (to ?? view.now) >= view.from);
  const go = (item: Item | undefined) => {
    if (!item) return;
    view.show(item.from);
    onShow(item);
  };
  const press = (event: KeyboardEvent) => {
    const from = shown ?? newestIn(visible);
    const act = KEYS[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act({ view, items: known, from, go, letGo: () => onShow(null) });
  };
  const optionId = (item: Item) => `${id}${item.id}`;

  return (
    <div className="lanes">
      <div className="lane-names" aria-hidden="true">
        {Object.values(LANES).map((name) => (
          <span key={name}>{name}</span>
        ))}
      </div>
      <div className="plot">
        <div
          ref={plot}
          role="listbox"
          tabIndex={0}
          aria-label="The lanes. Arrow keys: from one thing to the next; plus and minus: zoom; Space: pause."
          aria-activedescendant={shown && visible.includes(shown) ? optionId(shown) : undefined}
          data-testid="lanes"
          onKeyDown={press}
          onFocus={() => onShow(shown ?? newestIn(visible) ?? null)}
          onBlur={() => onShow(null)}
          onPointerLeave={() => document.activeElement !== plot.current && onShow(null)}
          {...drag}
        >
          {(Object.keys(LANES) as Lane[]).map((lane) => (
            <div key={lane} role="group" aria-label={LANES[lane]} className="lane" data-lane={lane}>
              {visible
                .filter((item) => item.lane === lane)
                .map((item) => (
                  <Option
                    key={item.id}
                    id={optionId(item)}
                    item={item}
                    isShown={item.id === shown?.id}
                    from={Math.max(0, place(item.from))}
                    to={Math.min(100, place(Math.min(item.to ?? view.now, view.now)))}
                    onShow={() => onShow(item)}
                  />
                ))}
            </div>
          ))}
        </div>
        <div className="axis" aria-hidden="true">
          {roundTimes(view.from, view.to).map((time) => (
            <span key={time} style={{ insetInlineStart: `${place(time)}%` }}>
              {clock(new Date(time)).slice(0, 8)}
            </span>
          ))}
        </div>
      </div>
    </div>
  );
}

interface OptionProps {
  id: string;
  item: Item;
  isShown: boolean;
  /** In hundredths of what is shown. */
  from: number;
  to: number;
  onShow: () => void;
}

function Option({ id, item, isShown, from, to, onShow }: OptionProps) {
  const isMoment = item.to === item.from;
  return (
    <div
      id={id}
      role="option"
      aria-selected={isShown}
      aria-label={`${clock(new Date(item.from))}: ${item.words}`}
      className={isMoment ? "moment" : "lasting"}
      data-kind={item.kind}
      data-item={item.id}
      style={isMoment ? { insetInlineStart: `${from}%` } : { insetInlineStart: `${from}%`, width: `${to - from}%` }}
      onPointerEnter={onShow}
    >
      {!isMoment && <span>{item.label}</span>}
    </div>
  );
}

interface Press {
  view: TimeWindow;
  items: Item[];
  from: Item | undefined;
  go: (item: Item | undefined) => void;
  letGo: () => void;
}

const KEYS: Record<string, (press: Press) => void> = {
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

/** The wheel zooms where the lanes have the focus, or with Ctrl, which is what a pinch is; else the page scrolls as ever. */
function useWheel(plot: React.RefObject<HTMLDivElement | null>, view: TimeWindow): void {
  const latest = useRef(view);
  useEffect(() => {
    latest.current = view;
  });
  useEffect(() => {
    const element = plot.current;
    const turn = (event: WheelEvent) => {
      const isOurs = event.ctrlKey || document.activeElement === element;
      if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) latest.current.pan(event.deltaX / (element?.clientWidth || 1));
      else if (isOurs) latest.current.zoom(event.deltaY < 0);
      else return;
      event.preventDefault();
    };
    // React's own would be passive.
    element?.addEventListener("wheel", turn, { passive: false });
    return () => element?.removeEventListener("wheel", turn);
  }, [plot]);
}

/** Time is dragged along. */
function useDrag(view: TimeWindow) {
  const last = useRef<number | null>(null);
  return {
    onPointerDown: (event: PointerEvent) => {
      last.current = event.clientX;
    },
    onPointerMove: (event: PointerEvent<HTMLElement>) => {
      if (last.current === null || event.buttons === 0) return;
      const moved = event.clientX - last.current;
      if (Math.abs(moved) < 4) return;
      last.current = event.clientX;
      view.pan(-moved / event.currentTarget.clientWidth);
    },
    onPointerUp: () => {
      last.current = null;
    },
  };
}
