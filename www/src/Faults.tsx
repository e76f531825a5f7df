import { breakChat, destroyMeeting, failEndCalls, stickRoom } from "./api";
import { useLiveStream } from "./useLiveStream";
import { useNetworkSwitch } from "./useNetworkSwitch";
import { useTask } from "./useTask";
import type { View } from "./useView";

/** Something that the gateway can be told to do to this user. */
interface Fault {
  label: string;
  told: string;
  testId: string;
  ask: (user: string) => Promise<unknown>;
}

const FAULTS: Record<View, Fault[]> = {
  room: [
    {
      label: "Your room gets stuck",
      told: "Your room says that something is on, and nothing is. Go live.",
      testId: "fault-stuck",
      ask: stickRoom,
    },
    {
      label: "The RPC fails twice, then succeeds",
      told: "The next two end calls will be answered with 500.",
      testId: "fault-rpc",
      ask: () => failEndCalls([500, 500]),
    },
    {
      label: "The end is refused (403)",
      told: "The next end call will be refused with 403.",
      testId: "fault-refuse",
      ask: () => failEndCalls([403]),
    },
    {
      label: "Answer as usual",
      told: "End calls will be answered as usual.",
      testId: "fault-clear",
      ask: () => failEndCalls([]),
    },
  ],
  event: [],
  chat: [
    {
      label: "The socket breaks",
      told: "The service has dropped your socket.",
      testId: "fault-socket",
      ask: (user) => breakChat(user, "drop"),
    },
    {
      label: "The socket goes silent",
      told: "Your socket stays open, and nothing comes out of it any more.",
      testId: "fault-silent",
      ask: (user) => breakChat(user, "silent"),
    },
    {
      label: "The token expires",
      told: "The service no longer takes your token, and has dropped your socket.",
      testId: "fault-token",
      ask: (user) => breakChat(user, "expire_tokens", "drop"),
    },
    {
      label: "You are refused",
      told: "The service will refuse you once, and has dropped your socket.",
      testId: "fault-refused",
      ask: (user) => breakChat(user, "refuse", "drop"),
    },
    {
      label: "All is well again",
      told: "The service does what it should.",
      testId: "fault-chat-clear",
      ask: (user) => breakChat(user, "none"),
    },
  ],
};

const ADVICE: Record<View, string> = {
  room: "Then close the meeting, end the room or go live, and see what becomes of the rows.",
  event: "Then see who counts, and who does not. Or close the tab of a viewer, reload it, or kill it.",
  chat: "Then see what becomes of the socket. In earnest, a silent one is missed within 40 s; here within 8.",
};

interface Props {
  view: View;
  user: string;
  /** Hears what the gateway has been told. */
  onTold: (words: string) => void;
}

/** What may go wrong, on a click. */
export function Faults({ view, user, onTold }: Props) {
  const network = useNetworkSwitch();
  const telling = useTask();
  const liveId = useLiveStream();
  const tell = ({ ask, told }: Fault) =>
    telling.run(async () => {
      await ask(user);
      onTold(told);
    });
  // What the gateway sees of it: the page says nothing more, and the media server misses its host.
  const beKilled = (streamId: string) =>
    telling.run(async () => {
      await destroyMeeting(streamId);
      network.toggle();
      onTold("Your page says nothing more, and Jitsi has said that the meeting is over. In 10 s, so is the stream.");
    });

  return (
    <section className="card faults" aria-labelledby="faults-heading">
      <h2 id="faults-heading">Make it go wrong</h2>
      <p className="quiet">{ADVICE[view]}</p>
      <div className="buttons">
        <button data-testid="fault-offline" className={network.away ? "on" : ""} onClick={network.toggle}>
          {network.away ? "The network comes back" : "The network goes away"}
        </button>
        {view === "room" && liveId && (
          <button
            data-testid="fault-killed"
            disabled={telling.busy || network.away}
            onClick={() => beKilled(liveId)}
          >
            Your browser is killed, says Jitsi
          </button>
        )}
        {FAULTS[view].map((fault) => (
          <button
            key={fault.testId}
            data-testid={fault.testId}
            disabled={telling.busy || network.away}
            onClick={() => tell(fault)}
          >
            {fault.label}
          </button>
        ))}
      </div>
      {telling.error && <p role="alert">{telling.error}</p>}
    </section>
  );
}
