import { useEffect, useState } from "react";
import { eventInAddress } from "./event/address";

export type View = "room" | "event" | "relay" | "chat";

const VIEWS: View[] = ["room", "event", "relay", "chat"];

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
  const named = VIEWS.find((view) => location.hash === `#${view}`);
  // A mail's link names an event, and no part of the page.
  return named ?? (eventInAddress() === null ? "room" : "event");
}
