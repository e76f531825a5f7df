//! A chat service around the world's manager: it does what a transport would, as it is told.

use crate::World;
use streamkeeper::engine::{CallId, ChatEvent, ChatOutput, Failure, Generation, Input, Millis, PageEvent, Value};

/// What the service does of its own accord.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    /// Gives tokens.
    pub tokens: bool,
    /// Opens.
    pub opens: bool,
    /// Answers probes.
    pub answers: bool,
    /// Closes.
    pub closes: bool,
}

impl Service {
    /// All is well.
    pub const WELL: Service = Service { tokens: true, opens: true, answers: true, closes: true };
}

/// A world with a chat service.
#[derive(Debug)]
pub struct Chatting {
    /// The rest of it.
    pub world: World,
    /// What it does.
    pub service: Service,
    /// The connections that are open at the service.
    pub open: Vec<Generation>,
    /// The most that were open at once.
    pub peak: usize,
    seen: usize,
}

impl Chatting {
    /// With this configuration.
    pub fn new(config: Value) -> Chatting {
        Chatting { world: World::configured(config), service: Service::WELL, open: Vec::new(), peak: 0, seen: 0 }
    }

    /// One input, and all that comes of it.
    pub fn handle(&mut self, input: Input) {
        self.world.handle(input);
        self.serve();
    }

    /// Does what was asked for since the last time.
    pub fn serve(&mut self) {
        while let Some((_, generation, output)) = self.world.chat.get(self.seen).copied() {
            self.seen += 1;
            match output {
                ChatOutput::FetchToken if self.service.tokens => {
                    self.say(generation, ChatEvent::Token { subject: None, expired: false });
                }
                ChatOutput::Open if self.service.opens => self.opens(generation),
                ChatOutput::Probe if self.service.answers && self.open.contains(&generation) => {
                    self.say(generation, ChatEvent::Probed(Some(true)));
                }
                ChatOutput::Close if self.service.closes => self.closes(generation),
                _ => {}
            }
        }
    }

    /// The service opens it.
    pub fn opens(&mut self, generation: Generation) {
        self.open.push(generation);
        self.peak = self.peak.max(self.open.len());
        self.say(generation, ChatEvent::Opened);
    }

    /// The service closes it.
    pub fn closes(&mut self, generation: Generation) {
        self.open.retain(|open| *open != generation);
        self.say(generation, ChatEvent::Closed);
    }

    /// It is lost.
    pub fn loses(&mut self, generation: Generation) {
        self.open.retain(|open| *open != generation);
        self.say(generation, ChatEvent::Lost(Failure::Transient, "reset".to_owned()));
    }

    /// Something is said of a connection.
    pub fn say(&mut self, generation: Generation, event: ChatEvent) {
        self.world.handle(Input::Chat { generation, event });
    }

    /// A page event.
    pub fn page(&mut self, event: PageEvent) {
        self.handle(Input::Page(event));
    }

    /// A move of the mouse, if anybody listens.
    pub fn moves(&mut self) {
        if std::mem::take(&mut self.world.listens) {
            self.handle(Input::Activity { heard: true });
        }
    }

    /// `connectUser`, with a function for the token.
    pub fn connect(&mut self, user: &str) -> CallId {
        self.call("connectUser", &Value::object([("userId", user.into()), ("token", "function".into())]))
    }

    /// Calls a method.
    pub fn call(&mut self, method: &str, arguments: &Value) -> CallId {
        let call = self.world.call(method, arguments);
        self.serve();
        call
    }

    /// Lets time pass, waking the manager whenever it asked for it.
    pub fn pass(&mut self, duration: Millis) {
        let end = self.world.now + duration;
        while let Some(at) = self.world.manager.next_wakeup().filter(|at| *at <= end) {
            self.world.now = at.max(self.world.now);
            self.handle(Input::Wake);
        }
        self.world.now = end;
    }

    /// The newest connection.
    pub fn generation(&self) -> Generation {
        self.world.chat.last().map_or(Generation(0), |(_, generation, _)| *generation)
    }

    /// The snapshot's `chat`, by field.
    pub fn field(&self, field: &str) -> Value {
        self.world.manager.snapshot().get("chat").and_then(|chat| chat.get(field)).cloned().unwrap_or_default()
    }

    /// The snapshot's `chat.status` and its reason, as `connected` or `disconnected: hidden`.
    pub fn status(&self) -> String {
        let text = |field| self.field(field).as_text().unwrap_or_default().to_owned();
        let reason = text("reason");
        if reason.is_empty() { text("status") } else { [text("status"), reason].join(": ") }
    }

    /// When connections were asked to open, since the beginning.
    pub fn opened_at(&self) -> Vec<Millis> {
        self.times(|output| output == ChatOutput::Open)
    }

    /// How often something was asked for.
    pub fn times(&self, is: impl Fn(ChatOutput) -> bool) -> Vec<Millis> {
        self.world.chat.iter().filter(|(_, _, output)| is(*output)).map(|(at, _, _)| *at).collect()
    }
}
