import { createContext, useContext, useEffect, useState, type ReactNode } from "react";

/** What parts of the page have found out, for others that stand elsewhere on it. */
export interface Facts {
  /** Whether the host is in the meeting; `null`: there is none. */
  isInMeeting: boolean | null;
  /** The status of the stream's row; `null`: there is none. */
  row: string | null;
  /** Who watches the room. */
  watchers: number;
  /** Who watches the event. */
  viewers: number;
  /** Mails that the host has got. */
  mails: number;
  /** A camera of the host's is on air. */
  isRelayed: boolean;
  /** Something was made to go wrong, and has not been put right. */
  isBroken: boolean;
}

const NOTHING: Facts = { isInMeeting: null, row: null, watchers: 0, viewers: 0, mails: 0, isRelayed: false, isBroken: false };

type Tell = (change: (facts: Facts) => Facts) => void;

const Known = createContext<Facts>(NOTHING);
const Telling = createContext<Tell>(() => {});

export function FactsProvider({ children }: { children: ReactNode }) {
  const [facts, setFacts] = useState(NOTHING);
  return (
    <Telling value={setFacts}>
      <Known value={facts}>{children}</Known>
    </Telling>
  );
}

export function useFacts(): Facts {
  return useContext(Known);
}

/** Tells the others, for as long as whoever tells it is there. */
export function useTell<Name extends keyof Facts>(name: Name, value: Facts[Name]): void {
  const tell = useContext(Telling);
  useEffect(() => {
    tell((facts) => ({ ...facts, [name]: value }));
    return () => tell((facts) => ({ ...facts, [name]: NOTHING[name] }));
  }, [tell, name, value]);
}
