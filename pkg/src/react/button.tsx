"use client";
import type { ReactNode, Ref } from "react";

export interface ButtonProps {
  /** It can do nothing now. It stays where the keyboard finds it: one that is `disabled` would lose the focus. */
  off?: boolean;
  onClick: () => void;
  /** The id of what it is about. */
  about?: string;
  /** Not `ref`, which React 18 gives to no function. */
  button?: Ref<HTMLButtonElement>;
  children: ReactNode;
}

export function Button({ off = false, onClick, about, button, children }: ButtonProps) {
  const click = () => {
    if (!off) onClick();
  };
  return (
    <button ref={button} type="button" aria-disabled={off || undefined} aria-describedby={about} onClick={click}>
      {children}
    </button>
  );
}
