import { failEndCalls } from "./api";
import { useNetworkSwitch } from "./useNetworkSwitch";
import { useTask } from "./useTask";

/** What the gateway can be told to answer to the next calls that end a stream. */
const ANSWERS = [
  {
    statuses: [500, 500],
    label: "The RPC fails twice, then succeeds",
    told: "The next two end calls will be answered with 500.",
    testId: "fault-rpc",
  },
  {
    statuses: [403],
    label: "The end is refused (403)",
    told: "The next end call will be refused with 403.",
    testId: "fault-refuse",
  },
  {
    statuses: [],
    label: "Answer as usual",
    told: "End calls will be answered as usual.",
    testId: "fault-clear",
  },
];

type Answer = (typeof ANSWERS)[number];

/** What may go wrong, on a click. `onTold` hears what the gateway has been told. */
export function Faults({ onTold }: { onTold: (words: string) => void }) {
  const network = useNetworkSwitch();
  const telling = useTask();
  const tell = ({ statuses, told }: Answer) =>
    telling.run(async () => {
      await failEndCalls(statuses);
      onTold(told);
    });

  return (
    <section className="card faults" aria-labelledby="faults-heading">
      <h2 id="faults-heading">Make it go wrong</h2>
      <p className="quiet">Then close the meeting, and see what becomes of the row.</p>
      <div className="buttons">
        <button data-testid="fault-offline" className={network.away ? "on" : ""} onClick={network.toggle}>
          {network.away ? "The network comes back" : "The network goes away"}
        </button>
        {ANSWERS.map((answer) => (
          <button
            key={answer.testId}
            data-testid={answer.testId}
            disabled={telling.busy || network.away}
            onClick={() => tell(answer)}
          >
            {answer.label}
          </button>
        ))}
      </div>
      {telling.error && <p role="alert">{telling.error}</p>}
    </section>
  );
}
