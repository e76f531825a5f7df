"use client";
import { useLayoutEffect, useRef, type HTMLAttributes } from "react";

/**
 * A box that comes and goes within a region that stays, and has `tabIndex={-1}`. If the focus is in the box when it goes, the
 * region gets it: a keyboard's next step would otherwise begin at the top of the page.
 */
export function Box(props: HTMLAttributes<HTMLDivElement>) {
  const ref = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const box = ref.current;
    return () => {
      if (box?.contains(document.activeElement)) box.parentElement?.focus({ preventScroll: true });
    };
  }, []);
  return <div {...props} ref={ref} />;
}
