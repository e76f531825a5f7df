import { DONE, STEPS, type Step, type StepName } from "./steps";
import { useSteps } from "./useSteps";
import "./guide.css";

const NAMES = Object.keys(STEPS) as StepName[];

/** What to do next, for whoever is here for the first time. */
export function Guide() {
  const done = useSteps();
  const next = NAMES.find((name) => !done.has(name));
  return (
    <section className="guide" aria-labelledby="guide-heading">
      <h2 id="guide-heading" className="unseen">
        Your way through
      </h2>
      <ol>
        {NAMES.map((name, index) => (
          <li key={name} data-done={done.has(name)} aria-current={name === next ? "step" : undefined}>
            <span className="number" aria-hidden="true">
              {done.has(name) ? "✓" : index + 1}
            </span>
            <span className="name">{STEPS[name].name}</span>
            {done.has(name) && <span className="unseen">, done</span>}
          </li>
        ))}
      </ol>
      <p data-testid="guide">
        {next ? STEPS[next].words : DONE}{" "}
        {next && (
          <button className="link" data-testid="guide-show" onClick={() => lead(STEPS[next])}>
            Show me where
          </button>
        )}
      </p>
    </section>
  );
}

/** Brings the person there, and the focus with them. */
function lead({ view, testId }: Step): void {
  location.hash = view;
  const find = () => document.querySelector<HTMLElement>(`[data-testid="${testId}"]`);
  // The part of the page that it is on is there with the next picture.
  requestAnimationFrame(() => requestAnimationFrame(() => find()?.focus()));
}
