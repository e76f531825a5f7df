import { token } from "./api";

/** What a real app's sign-in keeps: a token as long as it is young, and another one from then on. */
export type AccessToken = () => string | Promise<string>;

/** How long tokens last that this page asks for, in seconds: `?lifetime=10` is for those who would see one replaced. */
const LIFETIME = Number(new URLSearchParams(location.search).get("lifetime")) || 3_600;

export async function accessTokenOf(user: string): Promise<AccessToken> {
  let [current, old] = await fresh(user);
  return () => {
    if (performance.now() < old) return current;
    return fresh(user).then((next) => {
      [current, old] = next;
      return current;
    });
  };
}

/** A new token, and when half of its time is over. */
async function fresh(user: string): Promise<[string, number]> {
  return [await token(user, LIFETIME), performance.now() + LIFETIME * 500];
}
