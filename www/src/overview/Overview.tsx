import type { Snapshot } from "streamkeeper";
import { useSnapshot } from "streamkeeper/react";
import { useFacts, type Facts } from "../facts";
import type { Kind } from "../timeline/lanes";
import { statesOf, streamShown } from "../timeline/states";
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
  const facts = useFacts();
  // By its words: a mouse that moves changes none of them.
  const seen = useSnapshot(readTiles);
  const [you, network, chat, room] = JSON.parse(seen) as [Tile, Tile, Tile, Tile];
  const [meeting, ...rest] = tilesOf(facts);
  const tiles = [you, network, chat, meeting, room, ...rest];
  return (
    <section aria-labelledby="overview-heading">
      <h2 id="overview-heading" className="unseen">
        At a glance
      </h2>
      <ul className="overview" data-testid="overview">
        {tiles.map(({ icon, name, word, kind }) => (
          <li key={name} data-kind={kind ?? undefined} data-tile={icon}>
            <Icon name={icon} />
            <span className="quiet">{name}</span>
            <strong>{word}</strong>
          </li>
        ))}
      </ul>
    </section>
  );
}

function readTiles(snapshot: Snapshot): string {
  const { activity, network, chat, stream } = statesOf(snapshot, streamShown(snapshot, null), 0);
  const tile = (icon: IconName, name: string, state: typeof chat, nothing: string): Tile => ({
    icon,
    name,
    word: state?.word ?? nothing,
    kind: state?.kind ?? null,
  });
  return JSON.stringify([
    tile("you", "You", activity, ""),
    tile("network", "Network", network, ""),
    tile("chat", "Chat", chat, "not used"),
    tile("room", "Room", stream, "off air"),
  ]);
}

const ROW_KINDS: Record<string, Kind> = { live: "good", ended: "seen" };

function tilesOf({ isInMeeting, row, watchers, viewers, mails }: Facts): [Tile, ...Tile[]] {
  return [
    { icon: "meeting", name: "Meeting", word: isInMeeting === null ? "none" : isInMeeting ? "joined" : "left", kind: isInMeeting ? "good" : null },
    { icon: "database", name: "Database", word: row ?? "no row", kind: ROW_KINDS[row ?? ""] ?? null },
    { icon: "viewers", name: "Viewers", word: String(watchers + viewers), kind: watchers + viewers > 0 ? "good" : null },
    { icon: "mail", name: "Mail", word: mails === 1 ? "1 letter" : `${mails || "no"} letters`, kind: mails > 0 ? "call" : null },
  ];
}
