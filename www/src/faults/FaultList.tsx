import { useId } from "react";
import type { Fault, FaultGroup, World } from "./world";

interface Props {
  group: FaultGroup;
  world: World;
  onBring: (fault: Fault) => void;
}

/** What may go wrong with one thing. */
export function FaultList({ group: { name, faults, advice = [] }, world, onBring }: Props) {
  const heading = useId();
  // Nothing else can be asked for by a network like that.
  const isCutOff = world.network.condition === "away" || world.network.condition === "portal";
  return (
    <section aria-labelledby={heading}>
      <h3 id={heading}>{name}</h3>
      <ul>
        {faults.map((fault) => {
          const { testId, label, should, isOn, missing } = fault;
          const lacks = missing?.(world) ?? null;
          const isOff = lacks !== null || (isCutOff && !isOn);
          return (
            <li key={testId}>
              <button
                data-testid={testId}
                aria-pressed={isOn?.(world)}
                aria-describedby={`${heading}-${testId}`}
                // Not `disabled`: one that has just been pressed would lose the focus.
                aria-disabled={isOff || undefined}
                onClick={isOff ? undefined : () => onBring(fault)}
              >
                {label}
              </button>
              <p id={`${heading}-${testId}`} className="quiet">
                {lacks && <strong>{lacks}</strong>} {should}
              </p>
            </li>
          );
        })}
        {advice.map(({ label, should, href }) => (
          <li key={label}>
            <p className="by-hand">{href ? <a href={href(world)} target="_blank">{label}</a> : label}</p>
            <p className="quiet">{should}</p>
          </li>
        ))}
      </ul>
    </section>
  );
}
