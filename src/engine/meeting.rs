//! What a Jitsi meeting's events mean for the stream that it carries.
//!
//! Jitsi's IFrame API says less than its names promise (measured, see `docs/architecture.md`): `videoConferenceLeft` also
//! comes with a breakout room and a failed join, `readyToClose` also with a cancelled lobby, and `hangup` and
//! `conferenceTerminated` come from wrappers and mobile bridges only.

use super::Millis;
use super::action::{Attachment, Role};
use super::id::StreamId;
use super::value::Value;
use alloc::borrow::ToOwned;
use alloc::string::String;

/// After a fatal error Jitsi reloads itself and is back in 10 to 30 s; a leave within that time is not yet an end.
pub const FATAL_ERROR_GRACE: Millis = 60_000;

/// The error by which Jitsi says that the meeting is over for everybody.
pub const DESTROYED: &str = "conference.destroyed";

/// The events that the manager listens to, by Jitsi's names.
pub const EVENT_NAMES: [&str; 8] = [
    "videoConferenceJoined",
    "videoConferenceLeft",
    "readyToClose",
    "hangup",
    "conferenceTerminated",
    "participantLeft",
    "participantKickedOut",
    "errorOccurred",
];

/// The events that tell of the person's activity inside the meeting's iframe, which no listener of the page's hears of.
pub const ACTIVITY_NAMES: [&str; 3] = ["mouseMove", "mouseEnter", "mouseLeave"];

/// An event of a meeting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MeetingEvent {
    /// `videoConferenceJoined`: this page is in.
    Joined,
    /// `videoConferenceLeft`: this page is out, perhaps for a moment.
    Left,
    /// `readyToClose`.
    ReadyToClose,
    /// `hangup`.
    HangUp,
    /// `conferenceTerminated`.
    Terminated,
    /// `participantLeft`: somebody else is out.
    ParticipantLeft {
        /// The participant's id.
        id: String,
    },
    /// `participantKickedOut`.
    KickedOut {
        /// True if it was this page's own participant.
        local: bool,
    },
    /// `errorOccurred`.
    ErrorOccurred {
        /// Such as `conference.destroyed`.
        name: String,
        /// Jitsi will reload itself.
        fatal: bool,
    },
}

impl MeetingEvent {
    /// Reads an event as Jitsi emits it; `None` for a name that says nothing about a stream.
    pub fn parse(name: &str, payload: &Value) -> Option<MeetingEvent> {
        // Older releases of the IFrame API wrap the error in `{error: {…}}`.
        let error = payload.get("error").unwrap_or(payload);
        Some(match name {
            "videoConferenceJoined" => MeetingEvent::Joined,
            "videoConferenceLeft" => MeetingEvent::Left,
            "readyToClose" => MeetingEvent::ReadyToClose,
            "hangup" => MeetingEvent::HangUp,
            "conferenceTerminated" => MeetingEvent::Terminated,
            "participantLeft" => {
                MeetingEvent::ParticipantLeft { id: payload.text("id").unwrap_or_default().to_owned() }
            }
            "participantKickedOut" => {
                MeetingEvent::KickedOut { local: payload.get("kicked").is_some_and(|kicked| kicked.flag("local")) }
            }
            "errorOccurred" => MeetingEvent::ErrorOccurred {
                name: error.text("name").unwrap_or_default().to_owned(),
                fatal: error.flag("isFatal"),
            },
            _ => return None,
        })
    }

    /// Jitsi's name for it.
    pub fn name(&self) -> &'static str {
        match self {
            MeetingEvent::Joined => "videoConferenceJoined",
            MeetingEvent::Left => "videoConferenceLeft",
            MeetingEvent::ReadyToClose => "readyToClose",
            MeetingEvent::HangUp => "hangup",
            MeetingEvent::Terminated => "conferenceTerminated",
            MeetingEvent::ParticipantLeft { .. } => "participantLeft",
            MeetingEvent::KickedOut { .. } => "participantKickedOut",
            MeetingEvent::ErrorOccurred { .. } => "errorOccurred",
        }
    }
}

/// What an event means for the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Nothing; why.
    Nothing(&'static str),
    /// The person is in the meeting: whatever was leaving is not.
    Here,
    /// Over, unless it comes back within this grace.
    Leaving(&'static str, Millis),
    /// Not over, but what is leaving may take this long to come back.
    Longer(Millis),
    /// Over.
    Over(&'static str),
}

/// An attached meeting.
#[derive(Clone, Debug)]
pub struct Meeting {
    /// What the app said of it.
    pub attachment: Attachment,
    /// This page is in the meeting now.
    pub joined: bool,
    ever_joined: bool,
    gone: bool,
    fatal: bool,
    participants_left: u32,
}

impl Meeting {
    /// A meeting that is attached for the first time.
    pub fn new(attachment: Attachment, joined: bool) -> Meeting {
        Meeting { attachment, joined, ever_joined: joined, gone: false, fatal: false, participants_left: 0 }
    }

    /// The same meeting, attached again: who is in it did not leave it when the app let go of it for a moment.
    pub fn again(self, attachment: Attachment) -> Meeting {
        Meeting { attachment, ..self }
    }

    /// The stream that it carries.
    pub fn stream(&self) -> &StreamId {
        &self.attachment.stream
    }

    /// Whether this page is the streamer's.
    pub fn is_host(&self) -> bool {
        self.attachment.role == Role::Host
    }

    /// Whether this page has ever been in it.
    pub fn was_joined(&self) -> bool {
        self.ever_joined
    }

    /// Whether it has said itself that it is over, and has not been joined again.
    pub fn is_gone(&self) -> bool {
        self.gone
    }

    /// How many others have left while it was attached.
    pub fn participants_left(&self) -> u32 {
        self.participants_left
    }

    /// Takes an event in and says what it means, `leave_grace` being how long a leave may be a reconnect.
    pub fn interpret(&mut self, event: &MeetingEvent, leave_grace: Millis) -> Signal {
        let signal = self.apply(event, leave_grace);
        match signal {
            Signal::Here => self.gone = false,
            Signal::Over(_) => self.gone = true,
            _ => {}
        }
        // A viewer's meeting is a window on somebody else's stream: whatever happens in it ends nothing.
        if self.is_host() { signal } else { Signal::Nothing("the page is a viewer's") }
    }

    fn apply(&mut self, event: &MeetingEvent, leave_grace: Millis) -> Signal {
        let grace = if self.fatal { FATAL_ERROR_GRACE.max(leave_grace) } else { leave_grace };
        match event {
            MeetingEvent::Joined => {
                self.joined = true;
                self.ever_joined = true;
                self.fatal = false;
                Signal::Here
            }
            MeetingEvent::Left => {
                self.joined = false;
                if self.ever_joined {
                    Signal::Leaving(event.name(), grace)
                } else {
                    Signal::Nothing("a join that failed")
                }
            }
            MeetingEvent::ReadyToClose if !self.ever_joined => Signal::Nothing("a lobby that was cancelled"),
            MeetingEvent::ReadyToClose | MeetingEvent::HangUp | MeetingEvent::Terminated => {
                self.joined = false;
                Signal::Over(event.name())
            }
            MeetingEvent::ParticipantLeft { id } => {
                self.participants_left = self.participants_left.saturating_add(1);
                if self.attachment.host_participant.as_ref() == Some(id) {
                    Signal::Leaving(event.name(), grace)
                } else {
                    Signal::Nothing("somebody else left")
                }
            }
            MeetingEvent::KickedOut { local: false } => Signal::Nothing("somebody else was kicked out"),
            MeetingEvent::KickedOut { local: true } => {
                self.joined = false;
                Signal::Over(event.name())
            }
            MeetingEvent::ErrorOccurred { name, .. } if name == "conference.destroyed" => {
                self.joined = false;
                Signal::Over(DESTROYED)
            }
            MeetingEvent::ErrorOccurred { fatal: true, .. } => {
                self.fatal = true;
                Signal::Longer(FATAL_ERROR_GRACE.max(leave_grace))
            }
            MeetingEvent::ErrorOccurred { fatal: false, .. } => Signal::Nothing("an error that is not fatal"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meeting(role: &str) -> Meeting {
        let stream = Value::object([
            ("streamId", "0d7c1f6e-5a53-4a4e-9c39-6f2d1b0c9a11".into()),
            ("streamerId", "ana".into()),
            ("role", role.into()),
            ("hostParticipantId", "h0st".into()),
        ]);
        Meeting::new(Attachment::parse(&stream).unwrap(), false)
    }

    fn event(name: &str, payload: &Value) -> MeetingEvent {
        MeetingEvent::parse(name, payload).unwrap()
    }

    fn error(name: &str, fatal: bool) -> MeetingEvent {
        event("errorOccurred", &Value::object([("name", name.into()), ("isFatal", fatal.into())]))
    }

    fn left(id: &str) -> MeetingEvent {
        event("participantLeft", &Value::object([("id", id.into())]))
    }

    fn kicked(local: bool) -> MeetingEvent {
        event("participantKickedOut", &Value::object([("kicked", Value::object([("local", local.into())]))]))
    }

    #[test]
    fn before_a_join_a_closed_lobby_and_a_failed_join_end_nothing() {
        let mut host = meeting("host");
        assert!(matches!(host.interpret(&MeetingEvent::ReadyToClose, 4_000), Signal::Nothing(_)));
        assert!(matches!(host.interpret(&MeetingEvent::Left, 4_000), Signal::Nothing(_)));
        host.interpret(&MeetingEvent::Joined, 4_000);
        assert_eq!(host.interpret(&MeetingEvent::Left, 4_000), Signal::Leaving("videoConferenceLeft", 4_000));
        assert_eq!(host.interpret(&MeetingEvent::ReadyToClose, 4_000), Signal::Over("readyToClose"));
    }

    #[test]
    fn a_fatal_error_ends_nothing_but_gives_jitsi_a_minute_until_the_next_join() {
        let mut host = meeting("host");
        host.interpret(&MeetingEvent::Joined, 4_000);
        assert_eq!(host.interpret(&error("connection.dropped", true), 4_000), Signal::Longer(60_000));
        assert_eq!(host.interpret(&MeetingEvent::Left, 4_000), Signal::Leaving("videoConferenceLeft", 60_000));
        assert_eq!(host.interpret(&MeetingEvent::Joined, 4_000), Signal::Here);
        assert_eq!(host.interpret(&MeetingEvent::Left, 4_000), Signal::Leaving("videoConferenceLeft", 4_000));
        assert!(matches!(host.interpret(&error("camera.busy", false), 4_000), Signal::Nothing(_)));
    }

    #[test]
    fn conference_destroyed_ends_also_when_it_calls_itself_fatal_or_comes_wrapped() {
        let mut host = meeting("host");
        assert_eq!(host.interpret(&error("conference.destroyed", true), 4_000), Signal::Over("conference.destroyed"));
        let wrapped = Value::object([("error", Value::object([("name", "conference.destroyed".into())]))]);
        assert_eq!(host.interpret(&event("errorOccurred", &wrapped), 4_000), Signal::Over("conference.destroyed"));
    }

    #[test]
    fn only_our_own_kick_and_the_named_host_count() {
        let mut host = meeting("host");
        assert!(matches!(host.interpret(&kicked(false), 4_000), Signal::Nothing(_)));
        assert_eq!(host.interpret(&kicked(true), 4_000), Signal::Over("participantKickedOut"));
        assert!(matches!(host.interpret(&left("other"), 4_000), Signal::Nothing(_)));
        assert_eq!(host.interpret(&left("h0st"), 4_000), Signal::Leaving("participantLeft", 4_000));
        assert_eq!(host.participants_left(), 2);
    }

    #[test]
    fn nothing_in_a_viewers_meeting_ends_the_stream() {
        let mut viewer = meeting("viewer");
        let all = [MeetingEvent::Joined, MeetingEvent::Left, MeetingEvent::ReadyToClose, MeetingEvent::HangUp]
            .into_iter()
            .chain([MeetingEvent::Terminated, left("h0st"), kicked(true), error("conference.destroyed", true)]);
        for event in all {
            assert!(matches!(viewer.interpret(&event, 4_000), Signal::Nothing(_)), "{event:?}");
        }
    }

    #[test]
    fn rubbish_is_an_event_without_details_or_none() {
        for payload in [Value::Null, Value::Bool(true), Value::List(vec![]), Value::Opaque, "x".into()] {
            for name in EVENT_NAMES {
                assert!(MeetingEvent::parse(name, &payload).is_some_and(|event| event.name() == name));
            }
            assert_eq!(MeetingEvent::parse("__proto__", &payload), None);
        }
    }
}
