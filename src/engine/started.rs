//! How a manager was started: the configuration in the words in which it was given, and nothing of addresses and keys.

use super::Millis;
use super::config::{Config, Inactivity, OnPageHide};
use super::page::Page;
use super::value::{Members, Value};

/// As it was then: settings may change.
#[derive(Clone, Debug)]
pub(super) struct Started {
    pub(super) config: Config,
    pub(super) page: Page,
    pub(super) wall: Millis,
}

impl Started {
    /// `{at, holder, page, config}`.
    pub(super) fn to_value(&self, holder: &str) -> Value {
        let mut page = Members::default();
        page.flag("visible", self.page.visible);
        page.flag("online", self.page.online);
        let mut started = Members::default();
        started.millis("at", self.wall);
        started.text("holder", holder);
        started.put("page", page.object());
        started.put("config", config_to_value(&self.config));
        started.object()
    }
}

/// Of transports and addresses only whether there are any.
fn config_to_value(config: &Config) -> Value {
    let mut all = Members::default();
    all.flag("chat", config.chat);
    all.flag("backend", config.backend.is_some());
    all.flag("gateway", config.backend.as_ref().is_some_and(|backend| backend.gateway_url.is_some()));
    all.put("inactivity", inactivity_to_value(&config.inactivity));

    let mut reconnect = Members::default();
    reconnect.millis("delay", config.reconnect.delay);
    reconnect.millis("maxDelay", config.reconnect.max_delay);
    reconnect.flag("jitter", config.reconnect.jitter);
    all.put("reconnect", reconnect.object());

    let mut health = Members::default();
    health.millis("interval", config.health.interval);
    health.millis("timeout", config.health.timeout);
    all.put("health", health.object());

    let mut ending = Members::default();
    let delays = config.ending.delays.iter().map(|delay| Value::millis(Some(*delay)));
    ending.put("delays", Value::List(delays.collect()));
    ending.number("maxAttempts", config.ending.max_attempts);
    ending.millis("timeout", config.ending.timeout);
    ending.millis("leaveGrace", config.ending.leave_grace);
    let on_page_hide = match config.ending.on_page_hide {
        OnPageHide::Grace => "grace",
        OnPageHide::End => "end",
        OnPageHide::Keep => "keep",
    };
    ending.text("onPageHide", on_page_hide);
    ending.millis("hostGrace", config.ending.host_grace);
    all.put("ending", ending.object());
    all.object()
}

/// As `setInactivity` takes it: there, null is never.
pub(super) fn inactivity_to_value(inactivity: &Inactivity) -> Value {
    Value::object([
        ("timeout", Value::millis(inactivity.timeout)),
        ("prompt", Value::millis(inactivity.prompt)),
        ("hiddenGrace", Value::millis(inactivity.hidden_grace)),
        ("whileLive", if inactivity.stay_while_live { "stay" } else { "apply" }.into()),
    ])
}
