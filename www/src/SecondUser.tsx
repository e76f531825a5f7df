import type { View } from "./useView";

/** The way in for somebody else, in another tab. */
export function SecondUser({ user, view, testId }: { user: string; view: View; testId: string }) {
  const other = user === "bo" ? "ana" : "bo";
  return (
    <a href={`${location.pathname}?name=${other}#${view}`} target="_blank" data-testid={testId}>
      Come in as {other}, in a second tab
    </a>
  );
}
