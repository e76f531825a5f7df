//! The driver: runs the engine in a page and carries its outputs out.

use super::awake::{PageLock, ScreenLock};
use super::backend::Backend;
use super::meeting::{self, Listening};
use super::outbox::{self, Outbox};
use super::page;
use super::tabs::Tabs;
use super::value::{error_to_js, to_js};
use crate::engine::table::Table;
use crate::engine::{
    Attachment, Config, Error, Input, Manager, MeetingId, Output, PageEvent, RequestId, Rpc, SocketOutput, Value,
};
use alloc::collections::VecDeque;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use js_sys::Function;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::spawn_local;
use web_sys::{AbortController, AbortSignal, Event};

#[wasm_bindgen]
extern "C" {
    /// The façade, as seen from here.
    #[derive(Debug, Clone)]
    pub type Host;

    /// This page load's own random id.
    #[wasm_bindgen(method, getter)]
    fn holder(this: &Host) -> String;
    /// Aborted when the manager is disposed of or has crashed: takes every listener of ours away.
    #[wasm_bindgen(method, getter)]
    fn signal(this: &Host) -> AbortSignal;
    /// The app's `accessToken()`: a token, null, or a promise of one.
    #[wasm_bindgen(method, catch, js_name = accessToken)]
    pub fn access_token(this: &Host) -> Result<JsValue, JsValue>;
    /// Whose token that is, if it says so: the `sub` of a JWT. It is not verified: that is the server's.
    #[wasm_bindgen(method)]
    pub fn subject(this: &Host, token: &str) -> Option<String>;
    /// The function that the page's events are to call.
    #[wasm_bindgen(method, getter, js_name = pageListener)]
    fn page_listener(this: &Host) -> Function;
    /// The function that activity is to call, until the signal is aborted: by the first call, or with everything else.
    #[wasm_bindgen(method, getter, js_name = activityListener)]
    fn activity_listener(this: &Host) -> Function;
    /// A new one each time.
    #[wasm_bindgen(method, catch, js_name = activitySignal)]
    fn activity_signal(this: &Host) -> Result<AbortSignal, JsValue>;
    /// A function to call when the lock of this entry of the outbox is ours; it calls `RawManager::claimed`.
    #[wasm_bindgen(method, catch, js_name = claimListener)]
    fn claim_listener(this: &Host, key: &str) -> Result<Function, JsValue>;
    /// The function that other tabs' messages are to call.
    #[wasm_bindgen(method, getter, js_name = tabListener)]
    fn tab_listener(this: &Host) -> Function;
    /// Something is to be done with a chat connection; `RawManager::chat_event` says what came of it.
    #[wasm_bindgen(method, catch)]
    fn chat(this: &Host, generation: u32, what: &str, why: Option<&str>) -> Result<(), JsValue>;
    /// Something is to be done with a viewer's socket; `RawManager::socket_event` says what comes of it.
    #[wasm_bindgen(method, catch)]
    fn socket(this: &Host, socket: u32, what: &str, url: Option<&str>) -> Result<(), JsValue>;
    /// Something is to be done with a session; `RawManager::session_event` says what came of it.
    #[wasm_bindgen(method, catch)]
    fn session(this: &Host, session: u32, what: &str) -> Result<(), JsValue>;
    /// The gateway's feed of the listing is to be opened there, or closed; `RawManager::feed_event` says what comes of it.
    #[wasm_bindgen(method, catch)]
    fn feed(this: &Host, url: Option<&str>) -> Result<(), JsValue>;
    /// The user's token and data are to be forgotten.
    #[wasm_bindgen(method, catch, js_name = forgetUser)]
    fn forget_user(this: &Host) -> Result<(), JsValue>;
    /// Resolves a promise with the client of that connection.
    #[wasm_bindgen(method, catch, js_name = settleClient)]
    fn settle_client(this: &Host, call: u32, generation: u32) -> Result<(), JsValue>;
    /// A function for a vendor to call: it checks its generation, and never throws.
    #[wasm_bindgen(method, catch)]
    fn listener(this: &Host, meeting: u32, name: &str) -> Result<Function, JsValue>;
    /// Settles a promise.
    #[wasm_bindgen(method, catch)]
    fn settle(this: &Host, call: u32, ok: bool, value: &JsValue) -> Result<(), JsValue>;
    /// Tells an event's listeners.
    #[wasm_bindgen(method, catch)]
    fn emit(this: &Host, event: &str, data: &JsValue) -> Result<(), JsValue>;
    /// The snapshot is another one.
    #[wasm_bindgen(method, catch)]
    fn changed(this: &Host) -> Result<(), JsValue>;
    /// Sets the one timer, in the place of the one before: `RawManager::wake` after so many milliseconds; `None`: never.
    #[wasm_bindgen(method, catch, js_name = setTimer)]
    fn set_timer(this: &Host, after: Option<u32>) -> Result<(), JsValue>;
    /// The WASM has panicked and must not be entered again.
    #[wasm_bindgen(method, catch)]
    fn crashed(this: &Host) -> Result<(), JsValue>;
}

/// Runs the engine in a page.
#[derive(Debug)]
pub struct Driver {
    host: Host,
    backend: Option<Rc<Backend>>,
    manager: RefCell<Manager>,
    effects: RefCell<VecDeque<Output>>,
    acting: Cell<bool>,
    requests: RefCell<Table<RequestId, AbortController>>,
    meetings: RefCell<Table<MeetingId, Listening>>,
    last_meeting: Cell<u32>,
    page_lock: RefCell<Option<PageLock>>,
    screen_lock: RefCell<Option<ScreenLock>>,
    tabs: RefCell<Option<Tabs>>,
    outbox: RefCell<Outbox>,
    focus_in_meeting: Cell<bool>,
}

impl Driver {
    /// Starts: from here on the page's events are listened to.
    pub fn start(config: Config, host: Host) -> Result<Rc<Driver>, JsValue> {
        let driver = Rc::new(Driver {
            backend: config.backend.clone().map(|backend| Rc::new(Backend::new(backend))),
            manager: RefCell::new(Manager::new(config, host.holder(), page::now(), wall_clock())),
            effects: RefCell::default(),
            acting: Cell::new(false),
            requests: RefCell::default(),
            meetings: RefCell::default(),
            last_meeting: Cell::new(0),
            page_lock: RefCell::default(),
            screen_lock: RefCell::default(),
            outbox: RefCell::default(),
            tabs: RefCell::new(Tabs::open(&host.signal(), &host.tab_listener())),
            focus_in_meeting: Cell::new(false),
            host,
        });
        page::listen(&driver.host.signal(), &driver.host.page_listener())?;
        driver.listen_for_activity()?;
        outbox::listen(&driver.host.signal(), &driver.host.page_listener())?;
        Ok(driver)
    }

    /// One input, all its effects, the timer.
    ///
    /// Effects happen after every borrow has ended, so an app's callback may call straight back in: its input is handled
    /// at once, its effects come after those that were there before.
    pub fn handle(self: &Rc<Self>, input: Input) {
        {
            // Still borrowed means that the engine has trapped in the middle of an input: it is not to be entered again.
            let Ok(mut manager) = self.manager.try_borrow_mut() else {
                let _ = self.host.crashed();
                return;
            };
            manager.handle(wall_clock(), input);
            let mut effects = self.effects.borrow_mut();
            while let Some(output) = manager.poll() {
                effects.push_back(output);
            }
        }
        if self.acting.replace(true) {
            return;
        }
        loop {
            let next = self.effects.borrow_mut().pop_front();
            let Some(output) = next else { break };
            self.act(output);
        }
        self.acting.set(false);
        self.set_timer();
    }

    /// Takes up what earlier pages have left behind.
    pub fn take_up(self: &Rc<Self>) {
        let entries = outbox::read_all();
        if !entries.is_empty() {
            self.handle(Input::Owed { entries });
        }
    }

    /// The lock of an entry of the outbox is ours.
    pub fn claimed(self: &Rc<Self>, key: String) {
        let intent = outbox::read(&key);
        self.handle(Input::Claimed { key, intent });
    }

    /// Something has happened to the page, or to its windows.
    pub fn page_event(self: &Rc<Self>, event: &Event) {
        if let Some(entry) = outbox::written(event) {
            return self.handle(Input::Owed { entries: vec![entry] });
        }
        let event = match event.type_().as_str() {
            "blur" | "focus" => self.focus_moved(),
            "enter" => {
                let _ = page::listen_to_picture(&self.host.signal(), &self.host.page_listener());
                page::read(event)
            }
            _ => page::read(event),
        };
        if let Some(event) = event {
            self.handle(Input::Page(event));
        }
    }

    /// The keyboard is in a meeting's iframe now, or no longer.
    fn focus_moved(&self) -> Option<PageEvent> {
        let iframe = page::focused_iframe();
        // Cloned, because a meeting that is asked for its iframe may be detached by that.
        let attached: Vec<Listening> = self.meetings.borrow().values().cloned().collect();
        let is = iframe.is_some_and(|iframe| attached.iter().any(|meeting| meeting.is_in(&iframe)));
        (self.focus_in_meeting.replace(is) != is).then_some(PageEvent::FocusInMeeting(is))
    }

    fn listen_for_activity(&self) -> Result<(), JsValue> {
        page::listen_for_activity(&self.host.activity_signal()?, &self.host.activity_listener())
    }

    /// Listens to a meeting, then tells the engine.
    pub fn attach(self: &Rc<Self>, meeting: JsValue, attachment: Attachment) -> Result<MeetingId, Error> {
        self.last_meeting.set(self.last_meeting.get().wrapping_add(1));
        let id = MeetingId(self.last_meeting.get());
        let joined = meeting::is_joined(&meeting);
        let listening = Listening::new(meeting, |name| self.host.listener(id.0, name))?;
        self.meetings.borrow_mut().insert(id, listening);
        self.handle(Input::Attach { meeting: id, attachment, joined });
        Ok(id)
    }

    /// Stops listening to a meeting, then tells the engine.
    pub fn detach(self: &Rc<Self>, id: MeetingId) {
        let listening = self.meetings.borrow_mut().remove(&id);
        if let Some(listening) = listening {
            listening.stop();
            self.handle(Input::Detach { meeting: id });
        }
    }

    /// The last goodbye: what has to get out gets out, then nothing of ours is left in the page.
    pub fn dispose(self: &Rc<Self>) {
        self.handle(Input::Dispose);
        let mut meetings = core::mem::take(&mut *self.meetings.borrow_mut());
        meetings.take().into_iter().for_each(|(_, listening)| listening.stop());
        self.tabs.take();
        // What could not be delivered lies in the storage: from now on it is another tab's, or the next manager's.
        self.outbox.take();
    }

    /// What the outbox still owes.
    pub fn pending_ends(&self) -> Value {
        self.manager.try_borrow().map(|manager| manager.pending_ends()).unwrap_or_default()
    }

    /// Every session, and how it stands.
    pub fn sessions(&self) -> Value {
        self.manager.try_borrow().map(|manager| manager.sessions(wall_clock())).unwrap_or_default()
    }

    /// The settings for an absent person, changed by `options`.
    pub fn set_inactivity(self: &Rc<Self>, options: &Value) -> Result<(), Error> {
        let before = self.manager.try_borrow().map(|manager| manager.inactivity()).unwrap_or_default();
        self.handle(Input::SetInactivity(before.parse(options)?));
        Ok(())
    }

    /// What the connections have cost so far.
    pub fn usage(&self) -> Value {
        self.manager.try_borrow().map(|manager| manager.usage(wall_clock())).unwrap_or_default()
    }

    /// The chat connection whose client may be used.
    pub fn chat_generation(&self) -> Option<u32> {
        self.manager.try_borrow().ok()?.chat_generation().map(|generation| generation.0)
    }

    /// The snapshot.
    pub fn snapshot(&self) -> Value {
        self.manager.try_borrow().map(|manager| manager.snapshot()).unwrap_or_default()
    }

    /// The trace.
    pub fn trace(&self) -> Value {
        self.manager.try_borrow().map(|manager| manager.trace()).unwrap_or_default()
    }

    fn act(self: &Rc<Self>, output: Output) {
        // A callback that throws is the façade's to log; whatever it does, the next effect happens.
        let _ = match output {
            Output::Send { request, rpc, fresh_token, only_for } => self.send(request, rpc, fresh_token, only_for),
            Output::Store { key, intent } => {
                if !outbox::store(&key, &intent) {
                    self.handle(Input::NotStored);
                }
                Ok(())
            }
            Output::Claim { key } => self.host.claim_listener(&key).map(|granted| {
                self.outbox.borrow_mut().claim(&key, &granted);
            }),
            Output::Release { key } => {
                self.outbox.borrow_mut().release(&key);
                Ok(())
            }
            Output::StayAwake(awake) => {
                let name = || ["streamkeeper:hosting:", &self.host.holder()].concat();
                if awake.page != self.page_lock.borrow().is_some() {
                    *self.page_lock.borrow_mut() =
                        if awake.page { PageLock::hold(&name(), &self.host.signal()) } else { None };
                }
                *self.screen_lock.borrow_mut() = awake.screen.then(ScreenLock::hold);
                page::listen_for_unload(awake.page, &self.host.signal(), &self.host.page_listener())
            }
            Output::Chat { generation, output } => self.host.chat(generation.0, output.name(), output.why()),
            Output::Socket { socket, output } => {
                let url = match &output {
                    SocketOutput::Open(event) => self.backend.as_ref().map(|backend| backend.socket_url(event)),
                    _ => None,
                };
                self.host.socket(socket.0, output.name(), url.as_deref())
            }
            Output::Session { session, output } => self.host.session(session.0, output.name()),
            Output::Feed { open } => {
                let url = self.backend.as_ref().and_then(|backend| backend.feed_url());
                self.host.feed(url.filter(|_| open).as_deref())
            }
            Output::ForgetUser => {
                if let Some(backend) = &self.backend {
                    backend.forget();
                }
                // A listener may have connected the next one by now.
                let next = self.manager.try_borrow().is_ok_and(|manager| manager.has_chat_user());
                if next { Ok(()) } else { self.host.forget_user() }
            }
            Output::TellTabs { user } => {
                if let Some(tabs) = &*self.tabs.borrow() {
                    tabs.signed_out(&user);
                }
                Ok(())
            }
            Output::ListenForActivity => self.listen_for_activity(),
            Output::SettleClient { call, generation } => self.host.settle_client(call.0, generation.0),
            Output::HangUp { meeting } => {
                // Cloned, because the meeting may answer at once, and be detached by that.
                let listening = self.meetings.borrow().get(&meeting).cloned();
                listening.map_or(Ok(()), |listening| listening.hang_up())
            }
            Output::Abort { request } => {
                if let Some(controller) = self.requests.borrow_mut().remove(&request) {
                    controller.abort();
                }
                Ok(())
            }
            Output::Settle { call, result: Ok(value) } => self.host.settle(call.0, true, &to_js(&value)),
            Output::Settle { call, result: Err(error) } => self.host.settle(call.0, false, &error_to_js(&error)),
            Output::Emit { event, data } => self.host.emit(event, &to_js(&data)),
            Output::Changed => self.host.changed(),
        };
    }

    fn send(
        self: &Rc<Self>,
        request: RequestId,
        rpc: Rpc,
        fresh_token: bool,
        only_for: Option<String>,
    ) -> Result<(), JsValue> {
        let Some(backend) = self.backend.clone() else { return Ok(()) };
        let controller = AbortController::new()?;
        let signal = controller.signal();
        self.requests.borrow_mut().insert(request, controller);
        // Within this very call, if it may be: the page may be going.
        let sent = if fresh_token { None } else { backend.send_now(&rpc, &signal, only_for.as_deref()) };
        let (weak, host) = (Rc::downgrade(self), self.host.clone());
        spawn_local(async move {
            let answer = match sent {
                Some(sent) => backend.receive(sent).await,
                None => backend.send(&host, &rpc, &signal, only_for.as_deref()).await,
            };
            if let Some(driver) = weak.upgrade() {
                if let Some(news) = backend.news() {
                    driver.handle(news);
                }
                driver.requests.borrow_mut().remove(&request);
                driver.handle(Input::Answer { request, answer });
            }
        });
        Ok(())
    }

    fn set_timer(&self) {
        let Ok(manager) = self.manager.try_borrow() else { return };
        let wait = |at: u64| at.saturating_sub(wall_clock()).min(i32::MAX as u64) as u32;
        let _ = self.host.set_timer(manager.next_wakeup().map(wait));
    }
}

fn wall_clock() -> u64 {
    js_sys::Date::now() as u64
}
