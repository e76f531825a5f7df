import type { ReactNode } from "react";
import type { Advice, Part } from "./advice";

const NAMES: Record<Part, string> = {
  streams: "Streams",
  ends: "Ends",
  connections: "Chat connections",
  rooms: "Rooms",
  notices: "Notices to hosts",
  sweeper: "Sweeper",
  viewers: "Viewers and gateways",
  sync: "Relays in step",
};

export const nameOf = (part: Part) => NAMES[part];

/** One part: whether it is well, its numbers, and what to do where it is not. */
export function Panel({ part, advice, children }: { part: Part; advice: Advice[]; children: ReactNode }) {
  const isWell = advice.length === 0;
  return (
    <section className="card" id={part} aria-labelledby={`${part}-name`} data-testid={`panel-${part}`} data-well={isWell}>
      <div className="heading">
        <h2 id={`${part}-name`}>{NAMES[part]}</h2>
        <p className="badge" data-kind={isWell ? "good" : "bad"}>
          <span className="dot" /> {isWell ? "as it should be" : "needs you"}
        </p>
      </div>
      {advice.length > 0 && (
        <ul className="advice">
          {advice.map(({ what, then, sql }) => (
            <li key={what}>
              <strong>{what}</strong>
              <p>{then}</p>
              {sql && <code>{sql}</code>}
            </li>
          ))}
        </ul>
      )}
      {children}
    </section>
  );
}

/** Numbers with their names. */
export function Numbers({ of }: { of: Record<string, number | string> }) {
  return (
    <dl className="numbers">
      {Object.entries(of).map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd data-number={name}>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
