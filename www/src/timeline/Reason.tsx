import { clock } from "../words";
import { lengthInWords, type Item } from "./items";
import { LANES } from "./lanes";

/** What somebody looks at in the lanes, in words, and why it was so; when they look at nothing, what happened last. */
export function Reason({ item, isLatest, now }: { item: Item | null; isLatest: boolean; now: number }) {
  return (
    <div className="reason" data-kind={item?.kind} data-testid="timeline-reason">
      {item ? (
        <>
          <p className="quiet">
            {isLatest ? "Just now" : LANES[item.lane]} · <time>{clock(new Date(item.from))}</time> {lengthInWords(item, now)}
          </p>
          <p>
            {item.words} {item.name && <code>{item.name}</code>}
          </p>
        </>
      ) : (
        <p className="quiet">Whatever happens is drawn here, as it happens. Point at it, or go there with the Tab key, to see why.</p>
      )}
    </div>
  );
}
