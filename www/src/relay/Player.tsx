import { useState } from "react";
import { Status } from "../Status";
import { KINDS, type Kind, type Relay } from "./api";
import { usePlayer } from "./usePlayer";

interface Props {
  kind: Kind;
  streamKey: string;
  /** `undefined`: it is not relayed. */
  relay: Relay | undefined;
  isOver: boolean;
}

/** One way to play the stream. */
export function Player({ kind, streamKey, relay, isOver }: Props) {
  const [wanted, setWanted] = useState(false);
  const { media, playing, error } = usePlayer(kind, wanted ? streamKey : null);
  const name = KINDS[kind];
  return (
    <div className="player" data-testid={`player-${kind}`} data-playing={playing}>
      <div className="heading">
        <h2>{name}</h2>
        <Status testId={`playing-${kind}`} status={playing === "playing" ? "live" : playing} />
      </div>
      <video ref={media} muted autoPlay playsInline controls={playing !== "off"} aria-label={`The camera, by ${name}`} />
      <div className="buttons">
        <button
          className={wanted || !relay || isOver ? "" : "primary"}
          data-testid={`play-${kind}`}
          disabled={!wanted && (!relay || isOver)}
          onClick={() => setWanted(!wanted)}
        >
          {wanted ? "Let go of it" : `Play by ${name}`}
        </button>
        <p className="quiet" data-testid={`relay-${kind}`}>
          {relayInWords(relay, isOver)}
        </p>
      </div>
      {error && <p role="alert">{error}</p>}
    </div>
  );
}

function relayInWords(relay: Relay | undefined, isOver: boolean): string {
  if (isOver) return "over";
  if (!relay) return "not relayed";
  const clients = relay.clients === 1 ? "1 player" : `${relay.clients} players`;
  return relay.state === "ok" ? `relayed to ${clients}` : `degraded: ${relay.reason}; ${clients}`;
}
