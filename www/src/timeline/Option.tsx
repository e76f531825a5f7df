import { clock } from "../words";
import type { Item } from "./items";

interface Props {
  id: string;
  item: Item;
  isShown: boolean;
  /** In hundredths of what is shown. */
  from: number;
  to: number;
  onShow: () => void;
}

/** One thing in its lane: a bar for as long as it lasts, or a dot. */
export function Option({ id, item, isShown, from, to, onShow }: Props) {
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
