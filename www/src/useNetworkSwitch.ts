import { useCallback, useState } from "react";

/** The page's own network switch: every `fetch` fails as without a network, and the browser's own events are fired. */
export function useNetworkSwitch(): { away: boolean; toggle: () => void } {
  const [comeBack, setComeBack] = useState<(() => void) | null>(null);
  const toggle = useCallback(() => {
    if (comeBack) {
      comeBack();
      setComeBack(null);
    } else {
      const back = goAway();
      setComeBack(() => back);
    }
  }, [comeBack]);
  return { away: comeBack !== null, toggle };
}

function goAway(): () => void {
  const { fetch } = window;
  window.fetch = () => Promise.reject(new TypeError("Failed to fetch"));
  window.dispatchEvent(new Event("offline"));
  return () => {
    window.fetch = fetch;
    window.dispatchEvent(new Event("online"));
  };
}
