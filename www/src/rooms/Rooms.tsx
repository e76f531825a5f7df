import type { AccessToken } from "../accessToken";
import { Listing } from "./Listing";
import { RoomView } from "./RoomView";
import { useWatching } from "./useWatching";
import { Watching } from "./Watching";

/** One's own room, everybody's, and a seat in one of theirs. */
export function Rooms({ user, token }: { user: string; token: AccessToken }) {
  const watching = useWatching(token);
  return (
    <>
      <RoomView user={user}>
        <Listing user={user} watchedId={watching.watchedId} onWatch={({ id }) => watching.watch(id)} />
      </RoomView>
      <Watching watching={watching} />
    </>
  );
}
