/** What the timeline has a lane for, from top to bottom: the person first, the database last. */
export const LANES = {
  activity: "Activity",
  page: "Page",
  network: "Network",
  chat: "Chat",
  stream: "Stream",
  calls: "RPC",
  outbox: "Outbox",
  event: "Event",
} as const;

export type Lane = keyof typeof LANES;

/** How something is to be taken; its colour. */
export type Kind = "seen" | "call" | "good" | "bad" | "page";

/** How it stands in a lane. */
export interface State {
  /** In one word. */
  word: string;
  kind: Kind;
  /** Why, or what that means: a sentence. */
  because?: string | undefined;
  /** The reason's own name. */
  name?: string | undefined;
}

/** From then on it stands so; `null`: there is nothing. */
export interface Turn {
  at: number;
  state: State | null;
}
