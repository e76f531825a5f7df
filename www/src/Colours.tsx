import { useEffect, useState } from "react";

const KEY = "demo-colours";
const CHOICES = { system: "Auto", light: "Light", dark: "Dark" };

/** Light or dark, by choice; without one, as everything else on this machine. */
export function Colours() {
  const [chosen, setChosen] = useState(() => localStorage.getItem(KEY) ?? "system");
  useEffect(() => {
    document.documentElement.dataset.colours = chosen;
    localStorage.setItem(KEY, chosen);
  }, [chosen]);
  return (
    <label className="colours">
      <span className="quiet">Colours</span>
      <select data-testid="colours" value={chosen} onChange={(event) => setChosen(event.target.value)}>
        {Object.entries(CHOICES).map(([name, words]) => (
          <option key={name} value={name}>
            {words}
          </option>
        ))}
      </select>
    </label>
  );
}
