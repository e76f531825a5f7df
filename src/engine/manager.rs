//! The manager: every input, every deadline, every output.

use super::action::{Action, Attachment, Role, StreamId};
use super::backend::{Answer, Rpc, Verdict, judge};
use super::clock::Clock;
use super::config::{Config, OnPageHide};
use super::ending::{Latch, Outcome, Who};
use super::error::{Code, Error};
use super::meeting::{Meeting, MeetingEvent, Signal};
use super::page::{Page, PageEvent};
use super::trace::Trace;
use super::value::Value;
use super::{CallId, MeetingId, Millis, RequestId};
use std::collections::{BTreeMap, VecDeque};

/// What goes in.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// The timer has fired.
    Wake,
    /// Something happened to the page.
    Page(PageEvent),
    /// JavaScript called a method; its promise is numbered.
    Call {
        /// The promise.
        call: CallId,
        /// The method.
        action: Action,
    },
    /// A meeting was attached.
    Attach {
        /// Its number.
        meeting: MeetingId,
        /// Its stream.
        attachment: Attachment,
    },
    /// A meeting was detached.
    Detach {
        /// Its number.
        meeting: MeetingId,
    },
    /// An attached meeting has said something.
    Meeting {
        /// Its number.
        meeting: MeetingId,
        /// What it said.
        event: MeetingEvent,
    },
    /// The answer to a request.
    Answer {
        /// Its generation.
        request: RequestId,
        /// What came.
        answer: Answer,
    },
    /// The manager is given up.
    Dispose,
}

/// What comes out.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Send a request; answer with [`Input::Answer`].
    Send {
        /// Its generation.
        request: RequestId,
        /// The call.
        rpc: Rpc,
        /// Ask the app for a new token first, whatever is at hand.
        fresh_token: bool,
    },
    /// Have a token at hand: at the end of the page there is no time to ask for one.
    PrepareToken,
    /// Nobody waits for this request any more.
    Abort {
        /// Its generation.
        request: RequestId,
    },
    /// Resolve or reject a promise.
    Settle {
        /// The promise.
        call: CallId,
        /// With what.
        result: Result<Value, Error>,
    },
    /// Tell the listeners of an event.
    Emit {
        /// Its name.
        event: &'static str,
        /// Its data.
        data: Value,
    },
    /// The snapshot has changed.
    Changed,
}

/// A stream that this page hosts or watches.
#[derive(Debug)]
struct Stream {
    role: Role,
    latch: Latch,
    waiting: Vec<CallId>,
}

/// What a request is for.
#[derive(Clone, Debug)]
enum Purpose {
    Start(CallId),
    Status(CallId),
    End(StreamId),
}

/// A request that is waited for.
#[derive(Debug)]
struct Pending {
    purpose: Purpose,
    rpc: Rpc,
    fresh_token: bool,
    deadline: Millis,
}

/// The engine. See [`crate::engine`] for the contract.
#[derive(Debug)]
pub struct Manager {
    config: Config,
    holder: String,
    clock: Clock,
    now: Millis,
    since: Millis,
    page: Page,
    streams: BTreeMap<StreamId, Stream>,
    meetings: BTreeMap<MeetingId, Meeting>,
    requests: BTreeMap<RequestId, Pending>,
    last_request: u32,
    outputs: VecDeque<Output>,
    trace: Trace,
    changed: bool,
    disposed: bool,
}

impl Manager {
    /// A manager for one page load. `holder` is that page load's own random id.
    pub fn new(config: Config, holder: String, page: Page, wall: Millis) -> Manager {
        let mut clock = Clock::default();
        let now = clock.observe(wall);
        Manager {
            config,
            holder,
            clock,
            now,
            since: wall,
            page,
            streams: BTreeMap::new(),
            meetings: BTreeMap::new(),
            requests: BTreeMap::new(),
            last_request: 0,
            outputs: VecDeque::new(),
            trace: Trace::default(),
            changed: false,
            disposed: false,
        }
    }

    /// Takes one input in. Then drain [`Manager::poll`], then set the timer to [`Manager::next_wakeup`].
    pub fn handle(&mut self, wall: Millis, input: Input) {
        self.now = self.clock.observe(wall);
        if self.disposed {
            if let Input::Call { call, .. } = input {
                self.settle(call, Err(disposed()));
            }
            return;
        }
        self.trace.add(wall, "input", trace_input(&input));
        match input {
            Input::Wake => {}
            Input::Page(event) => self.page_event(event),
            Input::Call { call, action } => self.call(call, action),
            Input::Attach { meeting, attachment } => self.attach(meeting, attachment),
            Input::Detach { meeting } => self.detach(meeting),
            Input::Meeting { meeting, event } => self.meeting_event(meeting, &event),
            Input::Answer { request, answer } => self.answered(request, answer),
            Input::Dispose => self.dispose(),
        }
        // Whatever woke us, every deadline is checked: a throttled timer can be late, never wrong.
        self.check_deadlines();
        if std::mem::take(&mut self.changed) {
            self.outputs.push_back(Output::Changed);
        }
    }

    /// The next output, until there is none.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The wall-clock time at which to come back with [`Input::Wake`]; `None`: there is nothing to wait for.
    pub fn next_wakeup(&self) -> Option<Millis> {
        let requests = self.requests.values().map(|pending| pending.deadline);
        let streams = self.streams.values().filter_map(|stream| stream.latch.deadline());
        let next = requests.chain(streams).min()?;
        (!self.disposed).then(|| self.clock.to_wall(next))
    }

    /// The snapshot, as `Snapshot` in the npm package.
    pub fn snapshot(&self) -> Value {
        let streams = self.streams.iter().map(|(id, stream)| (id.as_str().to_owned(), stream_value(stream))).collect();
        Value::object([
            ("phase", if self.disposed { "disposed" } else { "ready" }.into()),
            ("chat", chat_value()),
            ("presence", self.page.to_value(Some(self.since))),
            ("streams", Value::Object(streams)),
            ("rooms", Value::Object(Vec::new())),
            ("pendingEnds", 0_u32.into()),
        ])
    }

    /// The last inputs and outputs, without tokens or texts of people.
    pub fn trace(&self) -> Value {
        self.trace.to_value()
    }

    fn page_event(&mut self, event: PageEvent) {
        self.changed |= self.page.apply(event);
        let now = self.now;
        match event {
            PageEvent::Online => self.each_stream(|latch| latch.online(now)),
            PageEvent::PageHide { persisted } => {
                let end = !persisted && self.config.ending.on_page_hide == OnPageHide::End;
                let hosted = self.streams.values_mut().filter(|stream| stream.role == Role::Host);
                for stream in hosted {
                    let latch = &mut stream.latch;
                    let ends = end && latch.status() == "live" && latch.over(now, "page_hidden", Who::Signal);
                    self.changed |= ends | latch.page_goes(now);
                }
            }
            _ => {}
        }
    }

    fn each_stream(&mut self, change: impl Fn(&mut Latch) -> bool) {
        for stream in self.streams.values_mut() {
            self.changed |= change(&mut stream.latch);
        }
    }

    fn call(&mut self, call: CallId, action: Action) {
        if self.config.backend.is_none() {
            let message = [action.name(), " needs backend: {url} in the configuration"].concat();
            return self.settle(call, Err(Error::new(Code::NoBackend, message)));
        }
        match action {
            Action::StartStream { stream, title } => {
                let rpc = Rpc::start(stream.as_ref(), title.as_deref(), &self.holder);
                self.send(Purpose::Start(call), rpc, false);
            }
            Action::StreamStatus { stream } => {
                self.send(Purpose::Status(call), Rpc::status(&stream), false);
            }
            Action::EndStream { stream, reason } => self.end_by_request(call, stream, reason),
        }
    }

    fn end_by_request(&mut self, call: CallId, id: StreamId, reason: Option<String>) {
        let now = self.now;
        let stream = self.streams.entry(id.clone()).or_insert_with(|| Stream::new(Role::Host));
        // Who asks for the end of a stream answers for it from now on, also on a viewer's page: the database decides.
        stream.role = Role::Host;
        if stream.latch.is_ended() {
            return self.settle(call, Ok(end_result(&id, "already_ended", 0)));
        }
        stream.waiting.push(call);
        let begins = stream.latch.over(now, reason.as_deref().unwrap_or("requested"), Who::Person);
        self.changed |= begins;
        self.note(&id, if begins { "asked to end" } else { "asked to end, which is under way" }, "requested");
    }

    fn attach(&mut self, meeting: MeetingId, attachment: Attachment) {
        let id = attachment.stream.clone();
        let stream = self.streams.entry(id.clone()).or_insert_with(|| Stream::new(attachment.role));
        if attachment.role == Role::Host {
            stream.role = Role::Host;
        }
        let back = stream.latch.rejoin();
        let over = stream.latch.is_ended();
        if attachment.role == Role::Host && self.config.backend.is_some() {
            self.outputs.push_back(Output::PrepareToken);
        }
        self.meetings.insert(meeting, Meeting::new(attachment));
        self.changed = true;
        if over {
            self.log("warn", "a meeting was attached to a stream that has ended", &id, "attached");
        } else {
            self.note(&id, if back { "back before its grace was over" } else { "attached" }, "attached");
        }
    }

    fn detach(&mut self, meeting: MeetingId) {
        let Some(gone) = self.meetings.remove(&meeting) else { return };
        let id = gone.stream().clone();
        if gone.is_host() {
            self.leave(&id, "detached", self.config.ending.leave_grace);
        } else if !self.meetings.values().any(|other| *other.stream() == id) {
            let watched = self.streams.get(&id).is_some_and(|stream| stream.role == Role::Viewer);
            if watched {
                self.streams.remove(&id);
                self.changed = true;
            }
        }
    }

    fn meeting_event(&mut self, meeting: MeetingId, event: &MeetingEvent) {
        let Some(attached) = self.meetings.get_mut(&meeting) else { return };
        let signal = attached.interpret(event, self.config.ending.leave_grace);
        let id = attached.stream().clone();
        let Some(stream) = self.streams.get_mut(&id) else { return };
        match signal {
            Signal::Nothing(why) => self.note(&id, why, event.name()),
            Signal::Here => {
                self.changed |= stream.latch.rejoin();
                self.note(&id, "joined", event.name());
            }
            Signal::Longer(grace) => {
                self.changed |= stream.latch.extend(grace);
                self.note(&id, "a leave may take longer", event.name());
            }
            Signal::Leaving(reason, grace) => self.leave(&id, reason, grace),
            Signal::Over(reason) => {
                let begins = stream.latch.over(self.now, reason, Who::Signal);
                self.changed |= begins;
                self.note(&id, if begins { "over" } else { "absorbed" }, reason);
            }
        }
    }

    /// One way into the meeting is gone. The stream leaves only if this page is in no other.
    fn leave(&mut self, id: &StreamId, reason: &'static str, grace: Millis) {
        let mut others = self.meetings.values().filter(|meeting| meeting.stream() == id && meeting.is_host());
        let here = if reason == "detached" { others.next().is_some() } else { others.any(|meeting| meeting.joined) };
        let Some(stream) = self.streams.get_mut(id) else { return };
        let begins = if here {
            false
        } else if stream.latch.status() == "failed" {
            stream.latch.over(self.now, reason, Who::Signal)
        } else {
            stream.latch.leave(self.now, reason, grace)
        };
        self.changed |= begins;
        self.note(id, if begins { "leaving" } else { "absorbed" }, reason);
    }

    fn answered(&mut self, request: RequestId, answer: Answer) {
        // An answer with an old generation finds nothing here, and is ignored.
        let Some(pending) = self.requests.remove(&request) else { return };
        let verdict = judge(pending.rpc.function, answer);
        if matches!(verdict, Verdict::Unauthorised(_)) && !pending.fresh_token {
            let again = self.send(pending.purpose.clone(), pending.rpc, true);
            if let Purpose::End(id) = &pending.purpose
                && let Some(stream) = self.streams.get_mut(id)
            {
                stream.latch.resent(again);
            }
            return;
        }
        match pending.purpose {
            Purpose::Start(call) => self.started(call, verdict),
            Purpose::Status(call) => self.settle(call, found(verdict)),
            Purpose::End(id) => self.end_answered(&id, request, &verdict),
        }
    }

    fn started(&mut self, call: CallId, verdict: Verdict) {
        let result = found(verdict).and_then(|status| {
            // An answer without a stream's id is not the database's: the caller must not believe that it is live.
            let id = StreamId::parse("stream_id", status.get("stream_id"))
                .map_err(|error| Error::new(Code::Rejected, ["start_stream: ", &error.message].concat()))?;
            Ok((id, status))
        });
        match result {
            Ok((id, status)) => {
                self.streams.entry(id.clone()).or_insert_with(|| Stream::new(Role::Host)).role = Role::Host;
                self.changed = true;
                self.note(&id, "live", "started");
                self.settle(call, Ok(status));
            }
            Err(error) => self.settle(call, Err(error)),
        }
    }

    fn end_answered(&mut self, id: &StreamId, request: RequestId, verdict: &Verdict) {
        let Some(stream) = self.streams.get_mut(id) else { return };
        let latch = &mut stream.latch;
        let Some(outcome) = latch.answered(self.now, request, verdict, self.page.online, &self.config.ending) else {
            return;
        };
        let sent = latch.sent_in_all();
        let reason = Value::from(latch.reason());
        let error = latch.last_error().cloned();
        let waiting = if outcome == Outcome::Retrying { Vec::new() } else { std::mem::take(&mut stream.waiting) };
        self.changed = true;

        let status = match verdict {
            Verdict::Delivered(body) => body.text("status"),
            _ => None,
        };
        self.emit(
            "endAttempt",
            Value::object([
                ("streamId", id.into()),
                ("attempt", sent.into()),
                ("signal", reason.clone()),
                ("ok", status.is_some().into()),
                ("status", status.into()),
                ("error", error.as_ref().map(|error| error.message.as_str()).into()),
            ]),
        );
        match outcome {
            Outcome::Retrying => {}
            Outcome::Ended(elsewhere) => {
                self.emit(
                    "end",
                    Value::object([("streamId", id.into()), ("reason", reason), ("elsewhere", elsewhere.into())]),
                );
                for call in waiting {
                    self.settle(call, Ok(end_result(id, status.unwrap_or("ended"), sent)));
                }
            }
            Outcome::Failed => {
                self.log(
                    "error",
                    "the stream could not be ended",
                    id,
                    error.as_ref().map_or("", |error| &error.message),
                );
                for call in waiting {
                    self.settle(call, Err(error.clone().unwrap_or_else(|| Error::new(Code::Rejected, "not ended"))));
                }
            }
        }
    }

    fn check_deadlines(&mut self) {
        if self.disposed {
            return;
        }
        let overdue = |(_, pending): &(&RequestId, &Pending)| pending.deadline <= self.now;
        let late: Vec<RequestId> = self.requests.iter().filter(overdue).map(|(request, _)| *request).collect();
        for request in late {
            self.outputs.push_back(Output::Abort { request });
            self.answered(request, Answer::TimedOut);
        }
        self.send_what_is_due();
    }

    fn send_what_is_due(&mut self) {
        let now = self.now;
        let due = |(id, stream): (&StreamId, &mut Stream)| stream.latch.due(now).then(|| id.clone());
        let due: Vec<StreamId> = self.streams.iter_mut().filter_map(due).collect();
        for id in due {
            let Some(stream) = self.streams.get(&id) else { continue };
            let reason = stream.latch.reason().unwrap_or_default();
            let rpc = Rpc::end(&id, reason, &self.holder, stream.latch.sent_in_all().saturating_add(1));
            let request = self.send(Purpose::End(id.clone()), rpc, false);
            if let Some(stream) = self.streams.get_mut(&id) {
                stream.latch.sent(request);
            }
            self.changed = true;
        }
    }

    fn send(&mut self, purpose: Purpose, rpc: Rpc, fresh_token: bool) -> RequestId {
        self.last_request = self.last_request.wrapping_add(1);
        let request = RequestId(self.last_request);
        let deadline = self.now.saturating_add(self.config.ending.timeout);
        self.trace_output("send", Value::object([("request", request.0.into()), ("function", rpc.function.into())]));
        self.requests.insert(request, Pending { purpose, rpc: rpc.clone(), fresh_token, deadline });
        self.outputs.push_back(Output::Send { request, rpc, fresh_token });
        request
    }

    fn dispose(&mut self) {
        let now = self.now;
        // What was leaving or waiting is sent on the way out, as at the end of the page; keepalive carries it.
        self.each_stream(|latch| latch.page_goes(now));
        self.send_what_is_due();
        self.disposed = true;
        self.changed = true;
        let mut calls: Vec<CallId> =
            self.streams.values_mut().flat_map(|stream| std::mem::take(&mut stream.waiting)).collect();
        for (request, pending) in std::mem::take(&mut self.requests) {
            if let Purpose::Start(call) | Purpose::Status(call) = pending.purpose {
                self.outputs.push_back(Output::Abort { request });
                calls.push(call);
            }
        }
        for call in calls {
            self.settle(call, Err(disposed()));
        }
        self.meetings.clear();
    }

    fn settle(&mut self, call: CallId, result: Result<Value, Error>) {
        let code = result.as_ref().err().map(|error| error.code.as_str());
        self.trace_output("settle", Value::object([("call", call.0.into()), ("error", code.into())]));
        self.outputs.push_back(Output::Settle { call, result });
    }

    fn emit(&mut self, event: &'static str, data: Value) {
        self.trace_output(event, data.clone());
        self.outputs.push_back(Output::Emit { event, data });
    }

    fn note(&mut self, id: &StreamId, message: &str, signal: &str) {
        self.log("debug", message, id, signal);
    }

    fn log(&mut self, level: &str, message: &str, id: &StreamId, detail: &str) {
        let data = Value::object([("streamId", id.into()), ("detail", detail.into())]);
        self.emit("log", Value::object([("level", level.into()), ("message", message.into()), ("data", data)]));
    }

    fn trace_output(&mut self, what: &str, data: Value) {
        let at = self.clock.to_wall(self.now);
        self.trace.add(at, "output", Value::object([("output", what.into()), ("data", data)]));
    }
}

impl Stream {
    fn new(role: Role) -> Stream {
        Stream { role, latch: Latch::default(), waiting: Vec::new() }
    }
}

fn disposed() -> Error {
    Error::new(Code::Disposed, "the manager has been disposed of; ConnectionManager.shared() makes a new one")
}

/// A stream's status, or the error that says why there is none.
fn found(verdict: Verdict) -> Result<Value, Error> {
    match verdict {
        Verdict::Delivered(body) if body.text("status") == Some("not_found") => {
            Err(Error::new(Code::NotFound, "there is no such stream"))
        }
        Verdict::Delivered(body) => Ok(body),
        Verdict::Refused(error) | Verdict::Unauthorised(error) | Verdict::Transient(error) => Err(error),
    }
}

/// `EndResult` in the npm package.
fn end_result(id: &StreamId, status: &str, attempts: u32) -> Value {
    let listed = |is: bool| Value::List(if is { vec![id.into()] } else { Vec::new() });
    Value::object([
        ("status", status.into()),
        ("ended", listed(status == "ended")),
        ("already", listed(status == "already_ended")),
        ("attempts", attempts.into()),
        ("via", "rpc".into()),
    ])
}

fn stream_value(stream: &Stream) -> Value {
    let latch = &stream.latch;
    Value::object([
        ("role", stream.role.as_str().into()),
        ("status", latch.status().into()),
        ("reason", latch.reason().into()),
        ("attempt", latch.attempt().into()),
        ("lastError", latch.last_error().map(|error| error.message.as_str()).into()),
    ])
}

/// The snapshot's `chat` while there is no chat connection.
fn chat_value() -> Value {
    Value::object([
        ("status", "disconnected".into()),
        ("reason", Value::Null),
        ("userId", Value::Null),
        ("attempt", 0_u32.into()),
        ("nextRetryAt", Value::Null),
        ("generation", 0_u32.into()),
        ("lastError", Value::Null),
    ])
}

fn trace_input(input: &Input) -> Value {
    let entry =
        |name: &str, of: Value, data: Value| Value::object([("input", name.into()), ("of", of), ("data", data)]);
    match input {
        Input::Wake => entry("wake", Value::Null, Value::Null),
        Input::Page(event) => entry("page", Value::Null, event.name().into()),
        Input::Call { call, action } => entry(action.name(), call.0.into(), action.stream().into()),
        Input::Attach { meeting, attachment } => {
            let data =
                Value::object([("streamId", (&attachment.stream).into()), ("role", attachment.role.as_str().into())]);
            entry("attach", meeting.0.into(), data)
        }
        Input::Detach { meeting } => entry("detach", meeting.0.into(), Value::Null),
        Input::Meeting { meeting, event } => entry("meeting", meeting.0.into(), event.to_value()),
        Input::Answer { request, answer } => entry("answer", request.0.into(), answer.to_value()),
        Input::Dispose => entry("dispose", Value::Null, Value::Null),
    }
}
