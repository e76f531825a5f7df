/** The app that everything is added to. */
import { StrictMode, useEffect } from "react";
import { createRoot } from "react-dom/client";

let usableAt;

/** Says that what is measured may be used from now on, and keeps it. */
export function usable(...what) {
  window.kept = what;
  if (usableAt !== undefined) return;
  usableAt = performance.now();
  console.log("usable");
}

/** Makes something as soon as the app is there, and may use it at once. */
export function useMade(make) {
  useEffect(() => usable(make()), []);
}

export function start(app) {
  createRoot(document.getElementById("root")).render(<StrictMode>{app}</StrictMode>);
}

/** When the app could be seen and used, and for how long something else would have had to wait by then. */
window.seen = async () => {
  const paint = await firstOf("paint", ({ name }) => name === "first-contentful-paint");
  const before = tasks.filter(({ startTime }) => startTime < usableAt);
  const blocked = before.reduce((sum, { duration }) => sum + duration - 50, 0);
  return { usable: usableAt, paint: paint.startTime, blocked };
};

const tasks = [];
new PerformanceObserver((list) => tasks.push(...list.getEntries())).observe({ type: "longtask", buffered: true });

function firstOf(type, isIt) {
  return new Promise((resolve) => {
    new PerformanceObserver((list) => list.getEntries().filter(isIt).forEach(resolve)).observe({ type, buffered: true });
  });
}
