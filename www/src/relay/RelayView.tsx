import { useEffect, useMemo, useState } from "react";
import { useSnapshot, useStreamkeeper } from "streamkeeper/react";
import { useTell } from "../facts";
import { SecondUser } from "../SecondUser";
import type { Note } from "../timeline/useTimeline";
import { useLiveStream } from "../useLiveStream";
import { usePolling } from "../usePolling";
import { becomeOperator, type Kind, KINDS, type Operator, readRelayed, type Relayed } from "./api";
import { Camera } from "./Camera";
import { Player } from "./Player";
import { SyncTable } from "./SyncTable";
import "./relay.css";

/** A stream that is relayed: its camera, its players, and whether all of them are in step with the database. */
export function RelayView({ user, isShown, note }: { user: string; isShown: boolean; note: Note }) {
  const manager = useStreamkeeper();
  const hosted = useLiveStream();
  const online = useSnapshot((snapshot) => snapshot.presence.online);
  const streams = useSnapshot((snapshot) => snapshot.streams);
  const [operator, setOperator] = useState<Operator | null>(null);
  const [shown, setShown] = useState<string | null>(null);
  // While it is out of sight what was open goes on, and nobody asks how it stands.
  const listed = usePolling(useMemo(() => (online && isShown ? readRelayed : null), [online, isShown]));

  // One's own, or the first that there is. What is over stays to be seen.
  const first = hosted ?? (shown === null ? (listed?.[0]?.key ?? null) : shown);
  if (first !== shown) setShown(first);
  const known = shown === null ? undefined : streams[shown];
  const isOver = known ? known.status === "ended" : listed !== null && !listed.some(({ key }) => key === shown);

  useEffect(() => {
    if (isShown && !operator) void becomeOperator().then(setOperator, () => {});
  }, [isShown, operator]);
  useEffect(
    () => manager?.on("orphan", ({ kind }) => note({ lane: "stream", kind: "bad", words: "A session outlived its stream, and is stopped again.", name: kind })),
    [manager, note],
  );

  const relayed = listed?.find(({ key }) => key === shown);
  useTell("isRelayed", relayed !== undefined && shown === hosted);
  return (
    <>
      <section aria-labelledby="relay-heading" className="stream">
        <div className="heading">
          <h1 id="relay-heading">{relayed?.title ?? "A camera's stream"}</h1>
          <SecondUser user={user} view="relay" testId="second-user-relay" />
        </div>
        {shown === null ? (
          <p data-testid="relay-none">
            Nothing is relayed yet. <a href="#room">Go live in your room</a>, then come back and attach a camera.
          </p>
        ) : (
          <>
            <Choice shown={shown} isOver={isOver} others={hosted === shown ? [] : (listed ?? [])} onChoose={setShown} />
            <div className="players">
              {(Object.keys(KINDS) as Kind[]).map((kind) => (
                <Player key={`${kind} ${shown}`} kind={kind} streamKey={shown} relay={relayed?.relays[kind]} isOver={isOver} />
              ))}
            </div>
            <Camera
              streamKey={shown}
              relayed={relayed}
              isOver={isOver}
              isHost={hosted === shown}
              operator={operator}
              note={note}
              onEnd={async () => manager?.endStreamById(shown)}
            />
          </>
        )}
      </section>
      <SyncTable operator={isShown ? operator : null} />
    </>
  );
}

interface ChoiceProps {
  shown: string;
  isOver: boolean;
  others: Relayed[];
  onChoose: (key: string) => void;
}

/** Which stream it is. Whoever hosts one sees that; whoever watches may choose. */
function Choice({ shown, isOver, others, onChoose }: ChoiceProps) {
  const rest = others.filter(({ key }) => key !== shown);
  const state = isOver ? "over" : "live";
  if (rest.length === 0) {
    return (
      <p className="quiet" data-testid="relay-key">
        {shown}: {state}
      </p>
    );
  }
  return (
    <label className="choice">
      Which stream
      <select data-testid="relay-key" value={shown} onChange={({ target }) => onChoose(target.value)}>
        <option value={shown}>
          {shown}: {state}
        </option>
        {rest.map(({ key, title }) => (
          <option key={key} value={key}>
            {title ?? key}
          </option>
        ))}
      </select>
    </label>
  );
}
