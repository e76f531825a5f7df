import { useId, useRef, type KeyboardEvent } from "react";
import { clock } from "../words";
import { roundTimes } from "./axis";
import { useDrag, useWheel } from "./gestures";
import type { Item } from "./items";
import { KEYS } from "./keys";
import { LANES, type Lane } from "./lanes";
import { Option } from "./Option";
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
    const from = shown ?? visible.at(-1);
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
          onFocus={() => onShow(shown ?? visible.at(-1) ?? null)}
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
