import type { InactivitySettings } from "../chat/useInactivity";
import type { View } from "../useView";
import type { Network } from "./useNetwork";

/** What a fault is done to. */
export interface World {
  user: string;
  /** The stream that this page is live with. */
  liveId: string | null;
  /** Sees to it that there is a chat. */
  openChat: () => Promise<void>;
  network: Network;
  inactivity: InactivitySettings;
}

/** Something that may go wrong, on a click. */
export interface Fault {
  testId: string;
  label: string;
  /** What should come of it. */
  should: string;
  /** What has been done, and what to do next; nothing: that is plain. */
  told?: string;
  act: (world: World) => unknown;
  /** It is so now: the button takes it back. */
  isOn?: (world: World) => boolean;
  /** What it takes, where that is missing. */
  missing?: (world: World) => string | null;
}

/** Something that only a person can do. */
export interface Advice {
  label: string;
  should: string;
  /** Where to do it. */
  href?: (world: World) => string;
}

export interface FaultGroup {
  name: string;
  /** The part of the page that shows best what comes of it. */
  view?: View;
  faults: Fault[];
  advice?: Advice[];
}
