/** An app in StrictMode, of which one part comes and goes. */
import { StrictMode, useState } from "react";
import { flushSync } from "react-dom";
import { createRoot } from "react-dom/client";

/** Where this page's service is; the first of its path is who it is. */
export const AT = location.host + location.pathname.replace(/\/$/, "");

/** What stream-chat takes for a token: the service is not asked to. */
export const TOKEN = [{ alg: "HS256", typ: "JWT" }, { user_id: "ana" }, "signature"]
  .map((part) => btoa(JSON.stringify(part)).replaceAll("=", ""))
  .join(".");

let show;

function App({ part }) {
  const [isThere, setThere] = useState(false);
  show = (is) => flushSync(() => setThere(is));
  return isThere ? part : null;
}

const errors = [];
for (const type of ["error", "unhandledrejection"]) {
  window.addEventListener(type, (event) => {
    errors.push(String(event.reason?.message ?? event.message));
    event.preventDefault();
  });
}

/** `part` comes so often, goes, and comes again, each after a time that only looks random; then it is left mounted. */
async function churn(times, longest) {
  const random = randomFrom(9);
  const wait = () => new Promise((resolve) => setTimeout(resolve, random() * longest));
  for (let n = 0; n < times; n++) {
    show(true);
    await wait();
    show(false);
    await wait();
  }
  show(true);
}

/** `signOut`: how the app lets go of what it has for the page, if there is such a thing. */
export function start(part, signOut = () => {}) {
  createRoot(document.getElementById("root")).render(
    <StrictMode>
      <App part={part} />
    </StrictMode>,
  );
  Object.assign(window, { churn, errors, unmount: () => show(false), signOut });
}

/** Mulberry32: the same for everybody. */
function randomFrom(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), seed | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
