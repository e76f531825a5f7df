import { useEffect, useState } from "react";

/** Often enough for a bar that runs down. */
const TICK = 200;

/** The time that an event has left, running down. */
export function Grace({ until, seconds }: { until: string; seconds: number }) {
  const now = useNow();
  const left = (Date.parse(until) - now) / 1_000;
  return (
    <div className="grace" data-testid="event-grace">
      <progress aria-label="What is left of the grace" max={seconds} value={Math.max(0, left)} />
      <p>
        {left > 0
          ? `In ${Math.ceil(left)} s it is over, unless somebody comes.`
          : "Its time is up. In a gateway's first 45 s nothing ends: everybody has time to come back."}
      </p>
    </div>
  );
}

function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), TICK);
    return () => clearInterval(timer);
  }, []);
  return now;
}
