import { useEffect, useRef, type PointerEvent, type RefObject } from "react";
import type { TimeWindow } from "./useWindow";

/** The wheel zooms where the lanes have the focus, or with Ctrl, which is what a pinch is; else the page scrolls as ever. */
export function useWheel(plot: RefObject<HTMLDivElement | null>, view: TimeWindow): void {
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
export function useDrag(view: TimeWindow) {
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
