import { useEffect, useState } from "react";

export type View = "room" | "chat";

/** Which part of the page is shown: the address says so, so that it can be linked to. */
export function useView(): View {
  const [view, setView] = useState(read);
  useEffect(() => {
    const follow = () => setView(read());
    window.addEventListener("hashchange", follow);
    return () => window.removeEventListener("hashchange", follow);
  }, []);
  return view;
}

function read(): View {
  return location.hash === "#chat" ? "chat" : "room";
}
