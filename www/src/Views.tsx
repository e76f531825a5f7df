import type { View } from "./useView";

const VIEWS: Record<View, string> = { room: "Rooms", event: "Event", relay: "Camera", chat: "Chat" };

/** The way from one part of the page to the other. */
export function Views({ view }: { view: View }) {
  return (
    <nav className="views" aria-label="Parts of the demo">
      {(Object.keys(VIEWS) as View[]).map((name) => (
        <a key={name} href={`#${name}`} data-testid={`view-${name}`} aria-current={name === view ? "page" : undefined}>
          {VIEWS[name]}
        </a>
      ))}
    </nav>
  );
}
