import { EventEmitter } from "eventemitter3";

/** What Jitsi's IFrame API looks like to Streamkeeper: an emitter. Nobody is in it but buttons. */
export class PretendMeeting extends EventEmitter {
  say({ event, payload }: Signal): void {
    this.emit(event, payload);
  }

  /** As Jitsi does when it is told to hang up. */
  executeCommand(command: string): void {
    if (command === "hangup") [LEFT, CLOSED].forEach((signal) => this.say(signal));
  }
}

/** An event of Jitsi's, and the button that emits it. */
export interface Signal {
  event: string;
  payload: object;
  label: string;
  testId: string;
  /** Whether one is in the meeting afterwards; undefined: that does not change. */
  inside?: boolean;
}

const room = { roomName: "demo" };

export const JOINED: Signal = {
  event: "videoConferenceJoined",
  payload: { ...room, id: "me" },
  label: "Rejoin",
  testId: "meeting-join",
  inside: true,
};
export const CLOSED: Signal = {
  event: "readyToClose",
  payload: {},
  label: "Close the meeting",
  testId: "meeting-ready-to-close",
  inside: false,
};
export const LEFT: Signal = {
  event: "videoConferenceLeft",
  payload: room,
  label: "Leave",
  testId: "meeting-left",
  inside: false,
};
const HUNG_UP: Signal = { event: "hangup", payload: {}, label: "Hang up", testId: "meeting-hangup", inside: false };
const TERMINATED: Signal = {
  event: "conferenceTerminated",
  payload: {},
  label: "Terminated",
  testId: "meeting-terminated",
  inside: false,
};

/** The ways to say goodbye, all of which one real meeting may use at once. */
export const GOODBYES = [CLOSED, LEFT, HUNG_UP, TERMINATED];

export const OTHERS: Signal[] = [
  HUNG_UP,
  TERMINATED,
  {
    event: "participantKickedOut",
    payload: { kicked: { id: "me", local: true }, kicker: { id: "moderator" } },
    label: "You are kicked out",
    testId: "meeting-kicked",
    inside: false,
  },
  {
    event: "errorOccurred",
    payload: { name: "conference.destroyed", type: "CONFERENCE", isFatal: true },
    label: "Destroyed for all",
    testId: "meeting-destroyed",
    inside: false,
  },
  {
    event: "errorOccurred",
    payload: { name: "connection.droppedError", type: "CONNECTION", isFatal: true },
    label: "Fatal error, it reloads",
    testId: "meeting-fatal",
  },
  {
    event: "participantLeft",
    payload: { id: "somebody" },
    label: "Somebody else leaves",
    testId: "meeting-somebody-left",
  },
];
