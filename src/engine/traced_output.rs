//! Outputs as a trace tells them: enough to notice the first that is another one, and without what only people read.

use super::input::Output;
use super::trace::Trace;
use super::value::{Members, Value};
use super::watching::SocketOutput;

impl Trace {
    /// `{output, data?}`; an event under its own name.
    pub(super) fn output_value(&mut self, output: &Output) -> Value {
        let mut data = Members::default();
        let name = match output {
            Output::Send { request, rpc, fresh_token, only_for } => {
                data.number("request", request.0);
                data.text("function", rpc.function);
                data.put("arguments", self.redacted.tree(&rpc.arguments));
                data.put("gateway", rpc.route.is_some().then_some(true).into());
                data.put("freshToken", fresh_token.then_some(true).into());
                data.put("onlyFor", self.optional(only_for.as_deref()));
                "send"
            }
            Output::Abort { request } => {
                data.number("request", request.0);
                "abort"
            }
            Output::Store { key, intent } => {
                data.put("key", self.redacted.key(key));
                data.put("intent", self.redacted.tree(intent));
                "store"
            }
            Output::Claim { key } => {
                data.put("key", self.redacted.key(key));
                "claim"
            }
            Output::Release { key } => {
                data.put("key", self.redacted.key(key));
                "release"
            }
            Output::StayAwake(awake) => {
                data.flag("page", awake.page);
                data.flag("screen", awake.screen);
                "stay awake"
            }
            Output::HangUp { meeting } => {
                data.number("meeting", meeting.0);
                "hang up"
            }
            Output::Session { session, output } => {
                data.number("session", session.0);
                data.text("what", output.name());
                "session"
            }
            Output::Chat { generation, output } => {
                data.number("generation", generation.0);
                data.text("what", output.name());
                data.put("why", output.why().into());
                "chat"
            }
            Output::Socket { socket, output } => {
                data.number("socket", socket.0);
                data.text("what", output.name());
                if let SocketOutput::Open(event) = output {
                    data.text("eventId", event.as_str());
                }
                "socket"
            }
            Output::Feed { open } => {
                data.flag("open", *open);
                "feed"
            }
            Output::ForgetUser => return entry("forget user", Value::Null),
            Output::TellTabs { user } => {
                data.put("user", self.redacted.name(user));
                "tell tabs"
            }
            Output::Settle { call, result } => {
                data.number("call", call.0);
                match result {
                    Ok(value) => data.put("value", self.body(value)),
                    Err(error) => data.text("error", error.code.as_str()),
                }
                "settle"
            }
            Output::SettleClient { call, generation } => {
                data.number("call", call.0);
                data.number("generation", generation.0);
                "settle"
            }
            // Of what is logged, the words that are ours.
            Output::Emit { event: "log", data: logged } => {
                for ours in ["level", "message"] {
                    data.put(ours, logged.get(ours).cloned().unwrap_or_default());
                }
                let of = logged.get("data").and_then(|data| data.get("streamId"));
                data.put("streamId", of.cloned().unwrap_or_default());
                "log"
            }
            Output::Emit { event, data } => return entry(event, self.redacted.tree(data)),
            // Marks of their input.
            Output::ListenForActivity | Output::Changed => return Value::Null,
        };
        entry(name, data.object())
    }
}

fn entry(name: &str, data: Value) -> Value {
    let mut entry = Members::default();
    entry.text("output", name);
    entry.put("data", data);
    entry.object()
}
