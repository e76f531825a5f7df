import { breakChat, destroyMeeting, failCalls, stickRoom } from "../api";
import { breakCamera, type Fault as CameraFault } from "../relay/api";
import type { View } from "../useView";
import type { Condition } from "./conditions";
import type { Fault, FaultGroup, World } from "./world";

const ENDS = ["end_stream_comprehensive", "live_room_end"];
/** Everything by which a page may find out, or see to it, that a stream is over. */
const DATABASE = [...ENDS, "get_stream_status", "touch_stream"];

const END_IT = "Now close the meeting, or end the room.";

function network(condition: Condition, fault: Pick<Fault, "testId" | "label" | "should" | "told">): Fault {
  return {
    ...fault,
    act: ({ network }) => network.become(network.condition === condition ? null : condition),
    isOn: ({ network }) => network.condition === condition,
  };
}

function answers(functions: string[], statuses: number[], fault: Pick<Fault, "testId" | "label" | "should" | "told">): Fault {
  return { ...fault, act: () => failCalls(functions, statuses) };
}

function chat(faults: string[], fault: Pick<Fault, "testId" | "label" | "should" | "told">): Fault {
  return {
    ...fault,
    act: async ({ user, openChat }) => {
      await openChat();
      await breakChat(user, ...faults);
    },
  };
}

function camera(how: CameraFault, fault: Pick<Fault, "testId" | "label" | "should" | "told">): Fault {
  return {
    ...fault,
    act: ({ liveId }) => liveId && breakCamera(liveId, how),
    missing: ({ liveId }) => (liveId ? null : "Go live, and attach a camera."),
  };
}

const CATALOGUE: FaultGroup[] = [
  {
    name: "The network",
    faults: [
      network("away", {
        testId: "fault-offline",
        label: "It goes away",
        told: `Nothing that this page sends gets anywhere. ${END_IT}`,
        should: "What is to be said waits, and is said once when the network is back. Chat lets go of its socket, and opens another.",
      }),
      network("portal", {
        testId: "fault-portal",
        label: "A captive portal answers",
        told: `Everything is answered with the portal's page. ${END_IT}`,
        should: "Its page says 200, and is not taken for the database's word. The end goes on being owed.",
      }),
      network("slow", {
        testId: "fault-slow",
        label: "Every answer takes 2 s",
        told: "Everything takes 2 s longer. Click as often as you like.",
        should: "Nothing is asked for twice, however often somebody clicks.",
      }),
      network("deaf", {
        testId: "fault-deaf",
        label: "Answers to ends get lost",
        told: `End calls arrive, and their answers do not. ${END_IT}`,
        should: "The first call ends the row, the next is told that it is over. Once, all the same.",
      }),
      network("silent", {
        testId: "fault-nothing",
        label: "Nobody answers an end",
        told: `End calls get no answer, ever. ${END_IT}`,
        should: "Each attempt is given up after 10 s. Then somebody else is asked, or it is owed.",
      }),
    ],
  },
  {
    name: "The call that ends a stream",
    view: "room",
    faults: [
      answers(ENDS, [500, 500], {
        testId: "fault-rpc",
        label: "It fails twice, then succeeds",
        told: `The next two end calls will be answered with 500. ${END_IT}`,
        should: "Three attempts, 1 s and 2 s apart. The third one ends it.",
      }),
      answers(ENDS, [403], {
        testId: "fault-refuse",
        label: "It is refused (403)",
        told: `The next end call will be refused with 403. ${END_IT}`,
        should: "One attempt, and no other: the page says why, the row stays live until somebody asks again.",
      }),
      answers(ENDS, [401], {
        testId: "fault-expired",
        label: "The token has expired (401)",
        told: `The next end call will be answered with 401. ${END_IT}`,
        should: "The token is fetched anew, and the call made again at once. That counts as no failure.",
      }),
      answers(ENDS, [429, 404], {
        testId: "fault-busy",
        label: "Too many calls, then no such function",
        told: `The next two end calls will be answered with 429 and 404. ${END_IT}`,
        should: "A limit and a deploy pass: both are tried again.",
      }),
      answers(DATABASE, Array<number>(20).fill(503), {
        testId: "fault-database",
        label: "The database is away (503)",
        told: `The next 20 calls find no database. ${END_IT}`,
        should: "Three attempts, and it is owed in the outbox. With “All is well again” it is delivered.",
      }),
    ],
  },
  {
    name: "The room and its host",
    view: "room",
    faults: [
      {
        testId: "fault-stuck",
        label: "Your room gets stuck",
        told: "Your room says that something is on, and nothing is. Go live.",
        should: "Going live resets it on the way. What is really live is never reset.",
        act: ({ user }) => stickRoom(user),
        missing: ({ liveId }) => (liveId ? "End what is live first." : null),
      },
      answers(["live_room_end"], [500], {
        testId: "fault-gateway",
        label: "The gateway cannot end it",
        told: "The gateway's next end of a room fails. Now end the room.",
        should: "The database is asked by another way, in the same breath.",
      }),
      {
        testId: "fault-killed",
        label: "Your browser is killed",
        told: "Your page says nothing more, and Jitsi has said that the meeting is over. In 10 s, so is the stream.",
        should: "The media server's word is the only one left: stream, room and event are over within seconds.",
        act: beKilled,
        missing: ({ liveId }) => (liveId ? null : "Go live first."),
      },
      {
        testId: "fault-reload",
        label: "The page is reloaded",
        should: "You are still the host, and in the meeting. Nothing has ended.",
        act: () => location.reload(),
      },
    ],
    advice: [
      {
        label: "Come in twice",
        should: "The other tab finds the room live: it may join, or take over.",
        href: ({ user }) => `${location.pathname}?name=${encodeURIComponent(user)}#room`,
      },
      { label: "Close this tab", should: "30 s later nobody holds the stream any more, and it ends by itself." },
    ],
  },
  {
    name: "Chat",
    view: "chat",
    faults: [
      chat(["drop"], {
        testId: "fault-socket",
        label: "The socket breaks",
        told: "The service has dropped your socket.",
        should: "Another one after about 2 s, never two at a time.",
      }),
      chat(["silent"], {
        testId: "fault-silent",
        label: "The socket goes silent",
        told: "Your socket stays open, and nothing comes out of it any more.",
        should: "Missed within 8 s here, within 40 in earnest, and replaced.",
      }),
      chat(["expire_tokens", "drop"], {
        testId: "fault-token",
        label: "The token expires",
        told: "The service no longer takes your token, and has dropped your socket.",
        should: "A fresh one is fetched at once.",
      }),
      chat(["refuse", "drop"], {
        testId: "fault-refused",
        label: "You are refused",
        told: "The service will refuse you once, and has dropped your socket.",
        should: "Nobody tries again until you click Reconnect.",
      }),
      chat(["slow_close"], {
        testId: "fault-slow-close",
        label: "It is slow to close",
        told: "Your next socket takes 3 s to close. Now connect anew.",
        should: "The next one opens when the last one is closed.",
      }),
    ],
  },
  {
    name: "The camera",
    view: "relay",
    faults: [
      camera("down", {
        testId: "fault-camera-down",
        label: "It is away",
        told: "Your camera is away. Look at the stream.",
        should: "Players wait, the relay tries again and says why. The stream lives on.",
      }),
      camera("stalled", {
        testId: "fault-camera-stalled",
        label: "It stands still",
        told: "Your camera answers, and shows nothing new.",
        should: "A minute later the stream is over: nothing new is nothing.",
      }),
      camera("loops", {
        testId: "fault-camera-loops",
        label: "It loops",
        told: "Your camera shows the same again and again.",
        should: "A minute later the stream is over, with that reason.",
      }),
    ],
  },
  {
    name: "You",
    view: "chat",
    faults: [
      {
        testId: "fault-asleep",
        label: "You fall asleep",
        told: "You count as away after 10 s, and are asked after 3. Touch nothing.",
        should: "You are asked, then chat closes. Move the mouse, and it is back.",
        act: ({ inactivity, openChat }) => openChat().then(() => inactivity.change({ timeout: 10_000, prompt: 7_000 })),
      },
      {
        testId: "fault-hidden",
        label: "Out of sight, out of chat",
        told: "Chat closes as soon as nobody can see the page. Look at another tab, and come back.",
        should: "It closes at once, and is there again when you are, unless you are in a meeting.",
        act: ({ inactivity, openChat }) => openChat().then(() => inactivity.change({ hiddenGrace: 0 })),
      },
    ],
    advice: [
      { label: "Sign out, in one of two tabs", should: "Both are signed out, and what was live has ended." },
      { label: "Kill a viewer's tab", should: "It does not count any more within 40 s. Nobody is counted twice." },
    ],
  },
];

/** All of it, and first what has to do with this part of the page. */
export function catalogueFor(view: View): FaultGroup[] {
  return CATALOGUE.toSorted((one, other) => Number(other.view === view) - Number(one.view === view));
}

export const ALL_IS_WELL = "Everything answers as usual.";

/** Takes back everything that can be taken back. */
export async function heal({ user, liveId, network, inactivity }: World): Promise<void> {
  network.become(null);
  inactivity.change({ timeout: 300_000, prompt: null, hiddenGrace: 60_000 });
  await Promise.all([failCalls(DATABASE, []), breakChat(user, "none"), liveId && breakCamera(liveId, null)]);
}

/** What the gateway sees of it: the page says nothing more, and the media server misses its host. */
async function beKilled({ liveId, network }: World): Promise<void> {
  if (!liveId) return;
  await destroyMeeting(liveId);
  network.become("away");
}
