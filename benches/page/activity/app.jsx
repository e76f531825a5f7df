/** An app with one thing in it that knows whether somebody is there. */
import { createRoot } from "react-dom/client";

/** Mouse moves go to the page below it, and never through React's own listeners, which are on the root. */
export function start(app) {
  createRoot(document.getElementById("root")).render(app);
}

/** Nobody is idle while this is measured. */
export const TIMEOUT = 300_000;

/** What those who choose for themselves listen to. */
export const EVENTS = ["mousemove", "mousedown", "keydown", "wheel", "scroll", "touchstart"];
