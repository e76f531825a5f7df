/**
 * A page's time, as fast as a test wants it: `clock.pace(60)` makes a minute of a second, `clock.leap(ms)` closes a laptop's
 * lid for so long. Runs before the page's own scripts, as one function, because it comes without its module.
 *
 * The browser's own virtual time will not do here: it stops while anything is loading, and knows nothing of sockets, locks
 * and servers, whose time is everybody's. So the event loop, the network and the servers stay real, and a page merely believes
 * that more time passes than does. What its server grants for a minute is then as good as for an hour, and never too short.
 */
export function paceTime() {
  const { Date: RealDate } = globalThis;
  const [arm, disarm] = [setTimeout.bind(globalThis), clearTimeout.bind(globalThis)];
  const real = performance.now.bind(performance);
  const { timeOrigin } = performance;
  const wall = () => timeOrigin + real();
  // One browser has one clock: another tab, or the page after a reload, goes on where this one is.
  const KEY = "paced-clock";
  let line = JSON.parse(localStorage.getItem(KEY)) ?? { began: wall(), since: wall(), pace: 1 };
  const now = () => line.began + (wall() - line.since) * line.pace;
  const origin = now();
  const bend = (changes) => {
    line = { began: now(), since: wall(), pace: line.pace, ...changes };
    localStorage.setItem(KEY, JSON.stringify(line));
    rearm();
  };
  addEventListener("storage", ({ key, newValue }) => {
    if (key !== KEY) return;
    line = JSON.parse(newValue);
    rearm();
  });

  const timers = new Map();
  let last = 0;
  let armed;
  const earliest = () => [...timers].reduce((first, it) => (!first || it[1].at < first[1].at ? it : first), undefined);
  const rearm = () => {
    disarm(armed);
    const next = earliest();
    if (next) armed = arm(fire, Math.max(0, (next[1].at - now()) / line.pace));
  };
  // One in each task, as in a page that is left alone: what follows from it happens before the next one.
  function fire() {
    const [id, timer] = earliest() ?? [];
    try {
      if (!timer || timer.at > now()) return;
      if (timer.every === undefined) timers.delete(id);
      else timer.at = now() + timer.every;
      timer.run();
    } finally {
      rearm();
    }
  }
  const set = (repeats) => (run, wait = 0, ...given) => {
    const every = Math.max(0, Number(wait) || 0);
    timers.set(++last, { at: now() + every, run: () => run(...given), every: repeats ? Math.max(1, every) : undefined });
    rearm();
    return last;
  };
  const clear = (id) => {
    if (timers.delete(id)) rearm();
  };
  Object.assign(globalThis, { setTimeout: set(false), setInterval: set(true), clearTimeout: clear, clearInterval: clear });

  globalThis.Date = class Date extends RealDate {
    constructor(...given) {
      super(...(given.length > 0 ? given : [now()]));
    }

    static now() {
      return Math.floor(now());
    }
  };
  performance.now = () => now() - origin;

  globalThis.clock = {
    /** So many times as fast as everybody else's. */
    pace: (pace) => bend({ pace }),
    /** Nothing has run for so long: whatever was due is late. */
    leap: (milliseconds) => bend({ began: now() + milliseconds }),
    /** Timers that are set and have not fired. */
    pending: () => timers.size,
    /** Everybody else's time. */
    real: { now: real, setTimeout: arm, clearTimeout: disarm },
  };
}
