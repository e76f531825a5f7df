import type { Snapshot } from "streamkeeper";
import { useSnapshot } from "streamkeeper/react";
import { useFacts } from "../facts";
import type { Kind, State } from "../timeline/lanes";
import { statesOf, streamShown, type StateLane } from "../timeline/states";
import { Icon, type IconName } from "./icons";
import "./overview.css";

/** One thing, in a word. */
interface Tile {
  icon: IconName;
  name: string;
  word: string;
  /** `null`: there is nothing. */
  kind: Kind | null;
}

/** Everything at a glance: from the person to the mail. */
export function Overview() {
  const { isInMeeting, row, watchers, viewers, mails } = useFacts();
  const here = watchers + viewers;
  const tiles: Tile[] = [
    tileOf("you", "You", useSnapshot(READ.activity), ""),
    tileOf("network", "Network", useSnapshot(READ.network), ""),
    tileOf("chat", "Chat", useSnapshot(READ.chat), "not used"),
    { icon: "meeting", name: "Meeting", word: meetingInWords(isInMeeting), kind: isInMeeting ? "good" : null },
    tileOf("room", "Room", useSnapshot(READ.stream), "off air"),
    { icon: "database", name: "Database", word: row ?? "no row", kind: ROW_KINDS[row ?? ""] ?? null },
    { icon: "viewers", name: "Viewers", word: String(here), kind: here > 0 ? "good" : null },
    { icon: "mail", name: "Mail", word: mails === 1 ? "1 letter" : `${mails || "no"} letters`, kind: mails > 0 ? "call" : null },
  ];
  return (
    <section aria-labelledby="overview-heading">
      <h2 id="overview-heading" className="unseen">
        At a glance
      </h2>
      <ul className="overview" data-testid="overview">
        {tiles.map(({ icon, name, word, kind }) => (
          <li key={name} data-kind={kind ?? undefined}>
            <Icon name={icon} />
            <span className="quiet">{name}</span>
            <strong>{word}</strong>
          </li>
        ))}
      </ul>
    </section>
  );
}

function tileOf(icon: IconName, name: string, state: State | null, nothing: string): Tile {
  return { icon, name, word: state?.word ?? nothing, kind: state?.kind ?? null };
}

const read = (lane: StateLane) => (snapshot: Snapshot) => statesOf(snapshot, streamShown(snapshot, null), 0)[lane];

// One selector for each, and always the same one: a mouse that moves draws none of them anew.
const READ = { activity: read("activity"), network: read("network"), chat: read("chat"), stream: read("stream") };

const ROW_KINDS: Record<string, Kind> = { live: "good", ended: "seen" };

function meetingInWords(isInMeeting: boolean | null): string {
  if (isInMeeting === null) return "none";
  return isInMeeting ? "joined" : "left";
}
