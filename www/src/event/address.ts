/** The page's address of an event is the one that is in the mail to its host. */
const ADDRESS = /^\/events\/([0-9a-f-]{36})$/i;

/** The event that the page is about. */
export function eventInAddress(): string | null {
  return ADDRESS.exec(location.pathname)?.[1] ?? null;
}

/** From now on the page is about this one, also after a reload; `null`: about none. */
export function writeEvent(id: string | null): void {
  history.replaceState(null, "", `${id === null ? "/" : `/events/${id}`}${location.search}#event`);
}
