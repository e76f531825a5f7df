import type { InactivitySettings, Setting } from "./useInactivity";

type Choice = [value: number | null, label: string];

const SETTINGS: { setting: Setting; label: string; choices: Choice[] }[] = [
  {
    setting: "timeout",
    label: "You count as away after",
    choices: [
      [10_000, "10 seconds"],
      [60_000, "1 minute"],
      [300_000, "5 minutes"],
      [null, "never"],
    ],
  },
  {
    setting: "prompt",
    label: "You are asked",
    choices: [
      [null, "not at all"],
      [7_000, "7 seconds before"],
      [30_000, "30 seconds before"],
    ],
  },
  {
    setting: "hiddenGrace",
    label: "Out of sight, chat stays for",
    choices: [
      [0, "no time at all"],
      [5_000, "5 seconds"],
      [60_000, "1 minute"],
      [null, "ever"],
    ],
  },
];

/** When somebody counts as away: theirs to choose. */
export function Away({ values, error, change }: InactivitySettings) {
  return (
    <section className="card" aria-labelledby="away-heading">
      <h2 id="away-heading">Go away</h2>
      <p className="quiet">Touch nothing for a while, or look at another tab. Then come back.</p>
      <div className="settings">
        {SETTINGS.map(({ setting, label, choices }) => (
          <label key={setting}>
            {label}
            <select
              data-testid={`away-${setting}`}
              value={String(values[setting])}
              onChange={(event) => change({ [setting]: JSON.parse(event.target.value) as number | null })}
            >
              {choices.map(([value, words]) => (
                <option key={words} value={String(value)}>
                  {words}
                </option>
              ))}
            </select>
          </label>
        ))}
      </div>
      {error && <p role="alert">{error}</p>}
    </section>
  );
}
