/** What a browser tells a page of its person and its network, in a page whose browser says nothing of its own. */

const set = (object, name, value) => Object.defineProperty(object, name, { configurable: true, get: () => value });
const transition = (type, persisted) => window.dispatchEvent(new PageTransitionEvent(type, { persisted }));

export function stir(type = "mousemove") {
  document.body.dispatchEvent(new MouseEvent(type, { bubbles: true }));
}

export function show(isVisible = true) {
  set(document, "visibilityState", isVisible ? "visible" : "hidden");
  document.dispatchEvent(new Event("visibilitychange"));
}

export const hide = () => show(false);

export function goOnline(isOnline = true) {
  set(navigator, "onLine", isOnline);
  window.dispatchEvent(new Event(isOnline ? "online" : "offline"));
}

export const goOffline = () => goOnline(false);

/** Into the back/forward cache, and back. */
export const leave = () => transition("pagehide", true);
export const comeBack = () => transition("pageshow", true);

export const freeze = () => document.dispatchEvent(new Event("freeze"));
export const resume = () => document.dispatchEvent(new Event("resume"));
