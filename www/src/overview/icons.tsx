const PATHS = {
  you: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM4 20.5c1.2-3.8 4.2-5.5 8-5.5s6.8 1.7 8 5.5",
  network: "M3 10c5-4.6 13-4.6 18 0M6.3 13.6c3.2-3 8.2-3 11.4 0M9.7 17.1c1.3-1.3 3.3-1.3 4.6 0M12 20.2v.1",
  chat: "M5 4.5h14a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2h-6.5L8 20.5v-4H5a2 2 0 0 1-2-2v-8a2 2 0 0 1 2-2Z",
  meeting: "M4 6.5h9.5a2 2 0 0 1 2 2v7a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2v-7a2 2 0 0 1 2-2ZM15.5 10.5 22 7v10l-6.5-3.5",
  room: "M6 21V4.5A1.5 1.5 0 0 1 7.5 3h9A1.5 1.5 0 0 1 18 4.5V21M3 21h18M14.5 12v.6",
  database: "M4 6c0-1.7 3.6-3 8-3s8 1.3 8 3-3.6 3-8 3-8-1.3-8-3ZM4 6v12c0 1.7 3.6 3 8 3s8-1.3 8-3V6M4 12c0 1.7 3.6 3 8 3s8-1.3 8-3",
  viewers: "M2 12c2.5-4.5 6-6.7 10-6.7s7.5 2.2 10 6.7c-2.5 4.5-6 6.7-10 6.7S4.5 16.5 2 12ZM12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6Z",
  mail: "M4 5h16a1 1 0 0 1 1 1v12a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1ZM3.5 6.5 12 13l8.5-6.5",
} as const;

export type IconName = keyof typeof PATHS;

/** A picture beside its word: nobody has to read it out. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg viewBox="0 0 24 24" className="icon" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
