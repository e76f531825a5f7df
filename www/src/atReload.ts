/** What this tab has to know again after a reload; `null`: nothing. Never a token. */
export function atReload(name: string) {
  const key = `demo-${name}`;
  return {
    read: () => sessionStorage.getItem(key),
    write(value: string | null) {
      if (value === null) sessionStorage.removeItem(key);
      else sessionStorage.setItem(key, value);
    },
  };
}

/** Whoever signs in next is somebody else. */
export function forgetAll(): void {
  sessionStorage.clear();
}
