import { useMemo, useState } from "react";
import { Colours } from "../Colours";
import { adviceOn, type Part } from "./advice";
import { nameOf } from "./Panel";
import { Panels } from "./Panels";
import { Token } from "./Token";
import { useFindings } from "./useFindings";

export function Operator() {
  // In memory only: it is gone with the page.
  const [token, setToken] = useState<string | null>(null);
  const { findings, error, isClosed, busy, refresh } = useFindings(token);
  const advice = useMemo(() => findings && adviceOn(findings), [findings]);
  const parts = advice ? (Object.keys(advice) as Part[]).filter((part) => advice[part].length > 0) : [];
  return (
    <>
      <header className="bar">
        <p className="brand">
          <img src={`${import.meta.env.BASE_URL}icon.svg`} alt="" width="28" height="28" /> Streamkeeper operations
        </p>
        <div className="who">
          {findings && (
            <>
              <p className="quiet">
                As of <time dateTime={findings.report.checked_at}>{new Date(findings.report.checked_at).toLocaleTimeString()}</time>
              </p>
              <button data-testid="refresh" aria-disabled={busy} onClick={() => void refresh()}>
                Refresh
              </button>
            </>
          )}
          <Colours />
        </div>
      </header>
      <main>
        <h1 aria-live="polite" className={findings ? undefined : "unseen"}>{findings ? summary(parts.length) : "Operations"}</h1>
        {error && (
          <p role="alert">
            {error}
            {findings && " What stands here is what was seen last."}
          </p>
        )}
        {isClosed && <Token onGiven={setToken} />}
        {parts.length > 0 && (
          <ul className="needed" data-testid="needed">
            {parts.map((part) => (
              <li key={part}>
                <a href={`#${part}`}>{nameOf(part)}</a>
              </li>
            ))}
          </ul>
        )}
        {findings && advice && <Panels findings={findings} advice={advice} onRepair={() => void refresh(true)} />}
      </main>
    </>
  );
}

function summary(parts: number): string {
  if (parts === 0) return "Everything is as it should be";
  return parts === 1 ? "One thing needs you" : `${parts} things need you`;
}
