import { useState } from "react";
import { useStreamkeeper } from "streamkeeper/react";
import type { InactivitySettings } from "../chat/useInactivity";
import { useTell } from "../facts";
import type { Note } from "../timeline/useTimeline";
import { useLiveStream } from "../useLiveStream";
import { useTask } from "../useTask";
import type { View } from "../useView";
import { ALL_IS_WELL, catalogueFor, heal } from "./catalogue";
import { FaultList } from "./FaultList";
import { openChat } from "./openChat";
import { useNetwork } from "./useNetwork";
import type { Fault, World } from "./world";
import "./faults.css";

interface Props {
  view: View;
  user: string;
  inactivity: InactivitySettings;
  note: Note;
}

/** Everything that may go wrong, on a click, and beside it what should come of it. */
export function Faults({ view, user, inactivity, note }: Props) {
  const manager = useStreamkeeper();
  const network = useNetwork();
  const liveId = useLiveStream();
  const task = useTask();
  const [told, setTold] = useState<string | null>(null);
  const world: World = { user, liveId, openChat: () => openChat(manager), network, inactivity };
  useTell("isBroken", told !== null && told !== ALL_IS_WELL);

  const tell = (words: string) => {
    setTold(words);
    note({ kind: "page", words });
  };
  const bring = (fault: Fault) =>
    task.run(async () => {
      const wasOn = fault.isOn?.(world) ?? false;
      await fault.act(world);
      if (wasOn) tell(ALL_IS_WELL);
      else if (fault.told) tell(fault.told);
    });
  const healAll = () =>
    task.run(async () => {
      await heal(world);
      tell(ALL_IS_WELL);
      await manager?.retryPendingEnds();
    });

  return (
    <section id="faults" className="card faults" aria-labelledby="faults-heading">
      <div className="heading">
        <h2 id="faults-heading">Make it go wrong</h2>
        <button data-testid="fault-clear" onClick={healAll}>
          All is well again
        </button>
      </div>
      <p role="status" className="told">
        {told ?? "One click each. Beside it stands what should come of it: see whether it does."}
      </p>
      {task.error && <p role="alert">{task.error}</p>}
      <div className="fault-groups">
        {catalogueFor(view).map((group) => (
          <FaultList key={group.name} group={group} world={world} onBring={bring} />
        ))}
      </div>
    </section>
  );
}
