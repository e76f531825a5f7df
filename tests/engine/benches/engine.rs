//! How many inputs a second of the processor's time a manager takes, and how many bytes it is: a line `name number` each, for `benches/engine.mjs`.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};

use engine_tests::{STREAM, ok};
use streamkeeper::engine::page::{Exit, Page};
use streamkeeper::engine::{
    Action, Attachment, CallId, ChatEvent, ChatOutput, Config, Generation, Input, Manager, MeetingEvent, MeetingId,
    Millis, Output, PageEvent, Value,
};

const INPUTS: u32 = 1_000_000;

/// So much of the manager's own time passes between two inputs.
const STEP: Millis = 10;

/// More entries than a trace keeps.
const MANY: usize = 5_000;

/// The system's, with what is out now.
struct Counting;

static OUT: AtomicUsize = AtomicUsize::new(0);

#[allow(unsafe_code)]
// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        OUT.fetch_add(layout.size(), Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        OUT.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The least browser that a manager can live in: everything that it asks for works at once.
struct Browser {
    manager: Manager,
    now: Millis,
}

impl Browser {
    fn new() -> Browser {
        let page = Page { visible: true, online: true, frozen: false, exit: Exit::None };
        let config = Config::parse(&Value::object([
            ("backend", Value::object([("url", "https://backend.test".into())])),
            ("chat", Value::object([("open", Value::Opaque), ("close", Value::Opaque)])),
        ]));
        let now = 1_700_000_000_000;
        let manager = Manager::new(config.expect("a good configuration"), "holder".to_owned(), page, now);
        Browser { manager, now }
    }

    /// The engine's contract: one input, all outputs, the timer; and then what has come of the outputs.
    fn handle(&mut self, input: Input) {
        self.manager.handle(self.now, input);
        let mut next = Vec::new();
        while let Some(output) = self.manager.poll() {
            next.extend(answer(output));
        }
        black_box(self.manager.next_wakeup());
        for input in next {
            self.handle(input);
        }
    }

    fn connected() -> Browser {
        let mut browser = Browser::new();
        let arguments = Value::object([("userId", "ana".into()), ("token", "function".into())]);
        let action = Action::parse("connectUser", &arguments).expect("good arguments");
        browser.handle(Input::Call { call: CallId(1), action });
        assert_eq!(browser.manager.chat_generation(), Some(Generation(1)));
        browser
    }

    /// Of a live stream, and in chat.
    fn hosting() -> Browser {
        let mut browser = Browser::connected();
        let stream = [("streamId", STREAM.into()), ("streamerId", "ana".into()), ("role", "host".into())];
        let attachment = Attachment::parse(&Value::object(stream)).expect("good arguments");
        browser.handle(Input::Attach { meeting: MeetingId(1), attachment, joined: false });
        let event = MeetingEvent::parse("videoConferenceJoined", &Value::Null).expect("an event of Jitsi's");
        browser.handle(Input::Meeting { meeting: MeetingId(1), event });
        assert!(browser.manager.next_wakeup().is_some());
        browser
    }
}

/// The person is there.
fn activity() -> Input {
    Input::Activity { heard: true }
}

/// The chat's server is there.
fn word() -> Input {
    Input::Chat { generation: Generation(1), event: ChatEvent::Alive }
}

fn answer(output: Output) -> Option<Input> {
    match output {
        Output::Send { request, .. } => Some(Input::Answer { request, answer: ok("live") }),
        Output::Chat { generation, output } => {
            let event = match output {
                ChatOutput::FetchToken => ChatEvent::Token { subject: None, expired: false },
                ChatOutput::Open => ChatEvent::Opened,
                ChatOutput::Probe => ChatEvent::Probed(Some(true)),
                ChatOutput::Close => ChatEvent::Closed,
                _ => return None,
            };
            Some(Input::Chat { generation, event })
        }
        output => {
            black_box(output);
            None
        }
    }
}

/// The processor's time that this thread has had, in seconds: others are at work on the machine as well.
fn busy() -> f64 {
    let schedule = std::fs::read_to_string("/proc/thread-self/schedstat").expect("a Linux with /proc");
    let nanoseconds = schedule.split(' ').next().and_then(|field| field.parse::<f64>().ok());
    nanoseconds.expect("nanoseconds first") / 1e9
}

fn per_second(mut browser: Browser, input: fn() -> Input) -> f64 {
    let begun = busy();
    for _ in 0..INPUTS {
        browser.now += STEP;
        browser.handle(input());
    }
    f64::from(INPUTS) / (busy() - begun)
}

/// What is out because of it, itself included.
fn bytes(make: impl Fn() -> Browser) -> usize {
    let before = OUT.load(Ordering::Relaxed);
    let browser = black_box(make());
    let heap = OUT.load(Ordering::Relaxed).saturating_sub(before);
    drop(browser);
    heap + size_of::<Manager>()
}

fn with_full_trace() -> Browser {
    let mut browser = Browser::hosting();
    for _ in 0..MANY {
        browser.handle(Input::Page(PageEvent::Hidden));
        browser.handle(Input::Page(PageEvent::Visible));
    }
    browser
}

fn main() {
    println!("activity {:.0}", per_second(Browser::connected(), activity));
    println!("word {:.0}", per_second(Browser::connected(), word));
    println!("activity-hosting {:.0}", per_second(Browser::hosting(), activity));
    println!("word-hosting {:.0}", per_second(Browser::hosting(), word));
    println!("bytes-idle {}", bytes(Browser::new));
    println!("bytes-connected {}", bytes(Browser::connected));
    println!("bytes-hosting {}", bytes(Browser::hosting));
    println!("bytes-traced {}", bytes(with_full_trace));
}
