//! Seed 003's connection lifecycle, and everything that may come between, told as scenarios.

use engine_tests::chat::{Chatting, Service};
use streamkeeper::engine::chat::{CLOSE_TIMEOUT, VERIFY_AFTER};
use streamkeeper::engine::{CallId, ChatEvent, ChatOutput, Code, Failure, Generation, Input, PageEvent, Reason, Value};

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;

fn chatting() -> Chatting {
    Chatting::new(Value::object([]))
}

fn inactivity(settings: &[(&str, Value)]) -> Chatting {
    let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    Chatting::new(Value::object([("inactivity", Value::Object(settings))]))
}

fn connected() -> Chatting {
    let mut chat = chatting();
    chat.connect("ana");
    assert_eq!(chat.status(), "connected");
    chat
}

fn code(chat: &Chatting, call: CallId) -> Option<Code> {
    chat.world.result(call).and_then(|result| result.as_ref().err()).map(|error| error.code)
}

fn client(chat: &Chatting, call: CallId) -> Option<Value> {
    chat.world.result(call).and_then(|result| result.clone().ok())
}

fn disconnects(chat: &Chatting) -> Vec<Reason> {
    let reason = |(_, _, output): &(u64, Generation, ChatOutput)| match output {
        ChatOutput::Disconnecting(reason) => Some(*reason),
        _ => None,
    };
    chat.world.chat.iter().filter_map(reason).collect()
}

fn force(force: bool) -> Value {
    Value::object([("force", force.into())])
}

#[test]
fn one_connection_for_one_user_however_many_ask() {
    let mut chat = chatting();
    chat.service.opens = false;
    let first: Vec<_> = (0..3).map(|_| chat.connect("ana")).collect();
    assert_eq!(chat.status(), "connecting");
    chat.opens(Generation(1));
    let late = chat.connect("ana");
    for call in first.into_iter().chain([late]) {
        assert_eq!(client(&chat, call), Some(1_u32.into()), "{call:?}");
    }
    assert_eq!((chat.opened_at().len(), chat.times(|output| output == ChatOutput::FetchToken).len()), (1, 1));
    let usage = chat.world.manager.usage(chat.world.now);
    assert_eq!(
        ["opened", "avoided", "reused"].map(|key| usage.get(key).cloned()),
        [1, 2, 1_u32].map(|n| Some(n.into()))
    );
}

#[test]
fn another_user_opens_when_the_first_has_closed() {
    let mut chat = connected();
    chat.service.closes = false;
    let second = chat.connect("ben");
    assert_eq!((chat.status().as_str(), chat.opened_at().len()), ("closing: switched_user", 1));
    assert_eq!(chat.field("userId"), "ben".into());
    chat.closes(Generation(1));
    chat.serve();
    assert_eq!((chat.status().as_str(), chat.peak), ("connected", 1));
    assert_eq!(client(&chat, second), Some(2_u32.into()));
}

#[test]
fn whoever_is_overtaken_is_told() {
    let mut chat = chatting();
    chat.service.tokens = false;
    let first = chat.connect("ana");
    let second = chat.connect("ben");
    assert_eq!((code(&chat, first), code(&chat, second)), (Some(Code::Conflict), None));
    chat.call("disconnectUser", &Value::Null);
    assert_eq!(code(&chat, second), Some(Code::Conflict));
}

#[test]
fn signing_out_closes_forgets_and_tells_the_other_tabs() {
    let mut chat = connected();
    chat.service.closes = false;
    let out = chat.call("disconnectUser", &Value::Null);
    assert_eq!(chat.status(), "closing: sign_out");
    assert_eq!((chat.field("userId"), chat.world.forgotten), (Value::Null, 1));
    assert_eq!((chat.world.told.clone(), client(&chat, out)), (vec!["ana".to_owned()], None));
    chat.closes(Generation(1));
    assert_eq!((chat.status().as_str(), client(&chat, out)), ("disconnected: sign_out", Some(Value::Null)));
    chat.page(PageEvent::Visible);
    chat.moves();
    chat.pass(10 * MINUTE);
    assert_eq!(chat.opened_at().len(), 1, "nothing brings them back");
}

#[test]
fn signing_out_ends_what_is_live_with_the_token_at_hand() {
    let mut chat = connected();
    chat.world.host();
    let out = chat.call("disconnectUser", &Value::Null);
    let end = chat.world.sent.last().cloned().unwrap();
    assert_eq!((end.rpc.function, end.rpc.arguments.text("p_reason")), ("end_stream_comprehensive", Some("sign_out")));
    assert!(!end.fresh_token, "the app's next token may be nobody's");
    assert_eq!(client(&chat, out), None, "until the end has been answered");
    chat.world.answer_ok("ended");
    assert_eq!(client(&chat, out), Some(Value::Null));
}

#[test]
fn a_sign_out_does_not_wait_for_a_backend_that_is_away() {
    let mut chat = connected();
    chat.world.host();
    let out = chat.call("disconnectUser", &Value::Null);
    chat.world.answer_error(503, "XX000");
    assert_eq!(client(&chat, out), Some(Value::Null));
    assert_eq!(chat.world.status(engine_tests::STREAM), "ending", "it goes on all the same");
}

#[test]
fn a_sign_out_in_another_tab_is_one_here_if_it_is_the_same_user() {
    let mut chat = connected();
    chat.handle(Input::SignedOutElsewhere { user: "ben".to_owned() });
    assert_eq!(chat.status(), "connected");
    chat.handle(Input::SignedOutElsewhere { user: "ana".to_owned() });
    assert_eq!(chat.status(), "disconnected: sign_out");
    assert!(chat.world.told.is_empty(), "or the tabs would never stop telling each other");
}

#[test]
fn five_minutes_without_activity_disconnect_and_the_first_activity_reconnects_at_once() {
    let mut chat = connected();
    chat.pass(4 * MINUTE);
    chat.moves();
    chat.pass(5 * MINUTE - 1);
    assert_eq!(chat.status(), "connected");
    chat.pass(1);
    assert_eq!((chat.status().as_str(), chat.world.count("idle")), ("disconnected: inactive", 1));
    chat.pass(MINUTE);
    chat.moves();
    assert_eq!((chat.status().as_str(), chat.peak), ("connected", 1));
    let usage = chat.world.manager.usage(chat.world.now);
    assert_eq!(usage.get("idleSavedMs"), Some(&Value::Number(60_000.0)));
    assert_eq!(usage.get("connectedMs"), Some(&Value::Number(540_000.0)));
    assert_eq!(usage.get("reconnects").and_then(|by| by.get("inactive")), Some(&Value::Number(1.0)));
}

#[test]
fn an_app_that_asks_again_for_whom_it_has_is_not_that_person() {
    let mut chat = connected();
    for _ in 0..6 {
        chat.pass(MINUTE);
        chat.connect("ana");
    }
    assert_eq!((chat.status().as_str(), chat.opened_at().len()), ("disconnected: inactive", 1));
}

#[test]
fn a_person_is_asked_first_and_may_stay() {
    let mut chat = inactivity(&[("timeout", 60_000_u32.into()), ("prompt", 20_000_u32.into())]);
    chat.connect("ana");
    let presence =
        |chat: &Chatting, field: &str| chat.world.manager.snapshot().get("presence").unwrap().get(field).cloned();
    chat.pass(40 * SECOND);
    let until = Value::millis(Some(chat.world.now + 20_000));
    assert_eq!(chat.world.events.last().unwrap(), &("idlePrompt", Value::object([("until", until.clone())])));
    assert_eq!(presence(&chat, "idlePromptUntil"), Some(until));
    chat.handle(Input::Activity { heard: false });
    assert_eq!(presence(&chat, "idlePromptUntil"), Some(Value::Null));
    chat.pass(59 * SECOND);
    assert_eq!((chat.status().as_str(), chat.world.count("idlePrompt")), ("connected", 2));
    chat.pass(SECOND);
    assert_eq!((chat.status().as_str(), presence(&chat, "active")), ("disconnected: inactive", Some(false.into())));
}

#[test]
fn whoever_looks_is_told_that_a_clock_was_set_back_and_with_it_the_time_that_is_left() {
    let mut chat = inactivity(&[("timeout", 60_000_u32.into()), ("prompt", 20_000_u32.into())]);
    chat.connect("ana");
    chat.pass(40 * SECOND);
    let told = chat.world.changes;
    chat.world.now -= 3_000;
    chat.handle(Input::Wake);
    let snapshot = chat.world.manager.snapshot();
    let until = snapshot.get("presence").unwrap().get("idlePromptUntil").cloned();
    assert_eq!((until, chat.world.changes), (Some(Value::millis(Some(chat.world.now + 20_000))), told + 1));
}

#[test]
fn a_page_is_hidden_for_a_while_before_it_counts() {
    let mut chat = connected();
    chat.page(PageEvent::Hidden);
    chat.pass(MINUTE - 1);
    chat.page(PageEvent::Visible);
    chat.page(PageEvent::Hidden);
    chat.pass(MINUTE - 1);
    assert_eq!(chat.status(), "connected");
    chat.pass(1);
    assert_eq!(chat.status(), "disconnected: hidden");
    chat.pass(30 * MINUTE);
    chat.page(PageEvent::Visible);
    assert_eq!(chat.status(), "connected", "a return is activity");
}

#[test]
fn hidden_closes_at_once_or_never_if_so_configured() {
    let mut at_once = inactivity(&[("hiddenGrace", 0_u32.into())]);
    at_once.connect("ana");
    at_once.page(PageEvent::Hidden);
    assert_eq!(at_once.status(), "disconnected: hidden");
    let mut never = inactivity(&[("hiddenGrace", Value::Null), ("timeout", Value::Null)]);
    never.connect("ana");
    never.page(PageEvent::Hidden);
    never.pass(24 * 60 * MINUTE);
    assert_eq!(never.status(), "connected");
}

#[test]
fn what_takes_the_page_away_closes_at_once_and_what_brings_it_back_reconnects() {
    for (away, back, reason) in [
        (PageEvent::Offline, PageEvent::Online, "offline"),
        (PageEvent::PageHide { persisted: true }, PageEvent::PageShow, "page_hidden"),
        (PageEvent::PageHide { persisted: false }, PageEvent::PageShow, "page_hidden"),
        (PageEvent::Freeze, PageEvent::Resume, "frozen"),
    ] {
        let mut chat = connected();
        chat.page(away);
        assert_eq!(chat.status(), ["disconnected: ", reason].concat());
        assert_eq!(chat.world.chat.last().unwrap().0, chat.world.now, "within the event");
        chat.pass(20 * SECOND);
        assert_eq!(chat.opened_at().len(), 1);
        chat.page(back);
        assert_eq!((chat.status().as_str(), chat.opened_at().len()), ("connected", 2), "{reason}");
    }
}

#[test]
fn a_network_that_comes_back_does_not_wake_a_person_who_is_away() {
    let mut chat = connected();
    chat.page(PageEvent::Offline);
    chat.pass(6 * MINUTE);
    chat.page(PageEvent::Online);
    assert_eq!(chat.opened_at().len(), 1);
    chat.moves();
    assert_eq!(chat.status(), "connected");
}

#[test]
fn a_joined_meeting_is_activity_and_keeps_hidden_tabs_connected_unless_configured_otherwise() {
    for (settings, stays) in [(vec![], true), (vec![("whileLive", "apply".into())], false)] {
        for role in ["host", "viewer"] {
            let mut chat = inactivity(&settings);
            chat.connect("ana");
            let meeting = chat.world.attach(engine_tests::STREAM, role);
            chat.world.emit(meeting, "videoConferenceJoined");
            chat.page(PageEvent::Hidden);
            chat.pass(10 * MINUTE);
            assert_eq!(chat.status() == "connected", stays, "{role}: {}", chat.status());
            if stays {
                chat.loses(chat.generation());
                chat.serve();
                chat.pass(4 * SECOND);
                assert_eq!((chat.status().as_str(), chat.opened_at().len()), ("connected", 2), "hidden or not");
                chat.page(PageEvent::Visible);
                chat.world.emit(meeting, "readyToClose");
                chat.handle(Input::Detach { meeting });
                chat.pass(5 * MINUTE - 1);
                assert_eq!(chat.status(), "connected", "five minutes from the meeting's end");
                chat.pass(1);
                assert_eq!(chat.status(), "disconnected: inactive");
            }
        }
    }
}

#[test]
fn the_keyboards_focus_in_the_meetings_iframe_is_activity_while_it_is_seen() {
    let mut chat = inactivity(&[("whileLive", "apply".into())]);
    chat.connect("ana");
    let meeting = chat.world.attach(engine_tests::STREAM, "viewer");
    chat.page(PageEvent::FocusInMeeting(true));
    chat.pass(20 * MINUTE);
    assert_eq!(chat.status(), "connected");
    chat.page(PageEvent::FocusInMeeting(false));
    chat.pass(5 * MINUTE);
    assert_eq!(chat.status(), "disconnected: inactive");
    chat.page(PageEvent::FocusInMeeting(true));
    chat.handle(Input::Detach { meeting });
    chat.pass(5 * MINUTE);
    assert_eq!(chat.status(), "disconnected: inactive", "the iframe is gone, and the focus with it");
}

#[test]
fn while_a_person_is_plainly_there_nobody_listens() {
    let mut chat = chatting();
    for _ in 0..100 {
        chat.moves();
        chat.pass(10);
    }
    assert!(chat.world.listens, "after one second");
    let mut chat = chatting();
    chat.moves();
    chat.pass(999);
    assert!(!chat.world.listens);
    let next = chat.world.manager.next_wakeup();
    assert_eq!(next, Some(chat.world.now + 1));
    chat.pass(1);
    assert!(chat.world.listens);
}

#[test]
fn an_idle_page_wakes_for_nothing_but_its_deadlines() {
    let mut chat = chatting();
    chat.pass(5 * MINUTE);
    assert_eq!(chat.world.manager.next_wakeup(), None, "idle, and nothing to lose");
    let mut chat = connected();
    chat.pass(5 * MINUTE + VERIFY_AFTER);
    assert_eq!((chat.status().as_str(), chat.world.manager.next_wakeup()), ("disconnected: inactive", None));
}

#[test]
fn a_lost_connection_comes_back_after_two_seconds_or_so_then_ever_later() {
    let mut chat = connected();
    chat.service.opens = false;
    chat.loses(Generation(1));
    chat.serve();
    assert_eq!(chat.status(), "reconnecting: lost");
    let mut gaps = Vec::new();
    for failures in 1..12_u32 {
        assert_eq!(chat.field("attempt"), failures.into());
        let failed_at = chat.world.now;
        let tries = chat.opened_at().len();
        while chat.opened_at().len() == tries {
            chat.pass(100);
        }
        gaps.push(chat.opened_at()[tries] - failed_at);
        let generation = chat.generation();
        chat.say(generation, ChatEvent::Failed(Failure::Transient, "unreachable".to_owned()));
        chat.serve();
    }
    assert!((1_000..=3_000).contains(&gaps[0]), "{gaps:?}");
    assert!(gaps.iter().all(|gap| *gap <= 30 * SECOND), "{gaps:?}");
    assert!(gaps[5..].iter().any(|gap| *gap > 3 * SECOND), "{gaps:?}");
}

#[test]
fn who_is_let_in_and_thrown_out_again_waits_ever_longer() {
    for failure in [Failure::Transient, Failure::Expired] {
        let mut chat = connected();
        for _ in 0..12 {
            while chat.status() != "connected" {
                chat.pass(100);
            }
            chat.say(chat.generation(), ChatEvent::Lost(failure, "out".to_owned()));
            chat.serve();
        }
        let opened = chat.opened_at();
        let over = opened.last().unwrap() - opened[0];
        assert!(over > 25 * SECOND, "{failure:?}: {} connections in {over} ms", opened.len());
    }
    // Who was connected for a while begins anew.
    let mut chat = connected();
    for _ in 0..5 {
        chat.pass(31 * SECOND);
        chat.moves();
        chat.loses(chat.generation());
        chat.serve();
        assert_eq!(chat.field("attempt"), 1_u32.into());
        chat.pass(3 * SECOND);
        assert_eq!(chat.status(), "connected");
    }
}

#[test]
fn what_kept_the_first_connection_from_opening_is_no_reconnect() {
    let mut chat = chatting();
    chat.page(PageEvent::Offline);
    chat.connect("ana");
    chat.page(PageEvent::Online);
    let by = chat.world.manager.usage(chat.world.now).get("reconnects").cloned().unwrap();
    assert_eq!((chat.status().as_str(), by.get("offline")), ("connected", Some(&0_u32.into())));
}

#[test]
fn nothing_is_tried_while_offline_or_hidden() {
    for (away, back) in [(PageEvent::Offline, PageEvent::Online), (PageEvent::Hidden, PageEvent::Visible)] {
        let mut chat = connected();
        chat.page(away);
        if away == PageEvent::Hidden {
            chat.loses(Generation(1));
            chat.serve();
        }
        let before = chat.opened_at().len();
        chat.pass(55 * SECOND);
        assert_eq!(chat.opened_at().len(), before, "{away:?}");
        chat.page(back);
        assert_eq!((chat.status().as_str(), chat.opened_at().len()), ("connected", before + 1));
    }
}

#[test]
fn half_open_connections_are_found_within_an_interval_and_a_timeout() {
    for dies_after in [0, 1, 29_999, 30_000, 45_000] {
        let mut chat = connected();
        chat.pass(dies_after);
        chat.service.answers = false;
        chat.service.opens = false;
        let died_at = chat.world.now;
        chat.pass(40 * SECOND);
        assert_eq!(disconnects(&chat), [Reason::Unhealthy], "died {dies_after} ms after it was opened");
        let found_at = chat.times(|output| output == ChatOutput::Disconnecting(Reason::Unhealthy))[0];
        assert!(found_at - died_at <= 40 * SECOND);
        chat.pass(3 * SECOND);
        let tokens = chat.times(|output| output == ChatOutput::FetchToken).len();
        assert!(tokens >= 2, "recovery uses a fresh token");
    }
}

#[test]
fn whatever_comes_from_the_server_answers_a_probe() {
    let mut chat = connected();
    chat.service.answers = false;
    chat.pass(30 * SECOND);
    chat.say(Generation(1), ChatEvent::Alive);
    chat.pass(29 * SECOND);
    assert_eq!(chat.status(), "connected");
}

#[test]
fn a_connection_of_somebody_else_is_unhealthy() {
    let mut chat = connected();
    chat.service.answers = false;
    chat.pass(30 * SECOND);
    chat.say(Generation(1), ChatEvent::Probed(Some(false)));
    assert_eq!(chat.status(), "closing: unhealthy");
    chat.serve();
    chat.pass(3 * SECOND);
    assert_eq!((chat.status().as_str(), chat.opened_at().len()), ("connected", 2));
}

#[test]
fn a_transport_without_a_probe_is_judged_by_its_silence_once_it_has_spoken() {
    let run = |speaks: bool| {
        let mut chat = connected();
        chat.service.answers = false;
        if speaks {
            chat.pass(7 * SECOND);
            chat.say(Generation(1), ChatEvent::Alive);
        }
        let start = chat.world.now;
        for _ in 0..400 {
            chat.pass(SECOND / 2);
            if chat.times(|output| output == ChatOutput::Probe).last() == Some(&chat.world.now) {
                chat.say(chat.generation(), ChatEvent::Probed(None));
            }
            if chat.status() != "connected" {
                return Some(chat.world.now - start);
            }
        }
        None
    };
    assert_eq!(run(false), None);
    assert_eq!(run(true), Some(40 * SECOND));
}

#[test]
fn every_way_back_probes_what_is_open() {
    for event in [PageEvent::Visible, PageEvent::Online, PageEvent::Resume, PageEvent::PageShow] {
        let mut chat = connected();
        chat.page(event);
        assert_eq!(chat.times(|output| output == ChatOutput::Probe).len(), 1, "{event:?}");
        assert_eq!(chat.opened_at().len(), 1);
    }
}

#[test]
fn an_expired_token_is_refreshed_and_counts_as_no_failure() {
    let mut chat = chatting();
    chat.service.opens = false;
    let call = chat.connect("ana");
    chat.say(Generation(1), ChatEvent::Failed(Failure::Expired, "token expired".to_owned()));
    chat.service.opens = true;
    chat.serve();
    assert_eq!((chat.status().as_str(), client(&chat, call)), ("connected", Some(2_u32.into())));
    assert_eq!(chat.opened_at(), [chat.world.now; 2], "at once");
    assert_eq!(chat.times(|output| output == ChatOutput::FetchToken).len(), 2, "one for each attempt");
}

#[test]
fn a_token_that_says_that_it_has_expired_is_asked_for_once_more_and_then_sent() {
    let mut chat = chatting();
    chat.service.tokens = false;
    chat.connect("ana");
    let expired = ChatEvent::Token { subject: Some("ana".to_owned()), expired: true };
    chat.say(Generation(1), expired.clone());
    assert_eq!(chat.times(|output| output == ChatOutput::FetchToken).len(), 2);
    chat.say(Generation(1), expired);
    chat.serve();
    assert_eq!(chat.status(), "connected", "the clock of this machine may be wrong");
}

#[test]
fn tokens_that_stay_bad_are_a_failure_and_not_a_storm() {
    let mut chat = chatting();
    chat.service.opens = false;
    let call = chat.connect("ana");
    for _ in 0..2 {
        let generation = chat.generation();
        chat.say(generation, ChatEvent::Failed(Failure::Expired, "token expired".to_owned()));
        chat.serve();
    }
    assert_eq!((chat.status().as_str(), code(&chat, call)), ("reconnecting: token", Some(Code::Token)));
    assert_eq!((chat.opened_at().len(), chat.field("attempt")), (2, 1_u32.into()));
}

#[test]
fn a_text_as_token_cannot_be_refreshed() {
    let mut chat = chatting();
    chat.service.opens = false;
    let fixed = Value::object([("userId", "ana".into()), ("token", "string".into())]);
    let call = chat.call("connectUser", &fixed);
    chat.say(Generation(1), ChatEvent::Failed(Failure::Expired, "token expired".to_owned()));
    chat.serve();
    chat.pass(10 * MINUTE);
    assert_eq!((chat.status().as_str(), code(&chat, call)), ("disconnected: token", Some(Code::Token)));
    assert_eq!(chat.opened_at().len(), 1);
}

#[test]
fn bad_token_functions_are_named_in_time_and_everything_works_afterwards() {
    let bad: [(&str, Option<ChatEvent>, Code); 3] = [
        ("hangs", None, Code::Timeout),
        ("throws", Some(ChatEvent::Failed(Failure::Token, "it threw".to_owned())), Code::Token),
        ("is another's", Some(ChatEvent::Token { subject: Some("eve".to_owned()), expired: false }), Code::Token),
    ];
    for (what, event, expected) in bad {
        let mut chat = chatting();
        chat.service.tokens = false;
        let call = chat.connect("ana");
        match event {
            Some(event) => chat.say(Generation(1), event),
            None => chat.pass(10 * SECOND),
        }
        chat.serve();
        assert_eq!(code(&chat, call), Some(expected), "{what}");
        assert_eq!(chat.status(), "reconnecting: token", "{what}");
        chat.service.tokens = true;
        chat.pass(3 * SECOND);
        assert_eq!(chat.status(), "connected", "{what}");
    }
}

#[test]
fn a_refusal_is_final_until_a_person_wants_it_otherwise() {
    let mut chat = chatting();
    chat.service.opens = false;
    let call = chat.connect("ana");
    chat.say(Generation(1), ChatEvent::Failed(Failure::Refused, "banned".to_owned()));
    chat.serve();
    assert_eq!((chat.status().as_str(), code(&chat, call)), ("disconnected: refused", Some(Code::NotAllowed)));
    chat.moves();
    chat.page(PageEvent::Visible);
    chat.page(PageEvent::Online);
    chat.pass(30 * MINUTE);
    assert_eq!((chat.opened_at().len(), chat.field("lastError")), (1, "banned".into()));
    chat.service.opens = true;
    let again = chat.call("reconnect", &force(false));
    assert_eq!((chat.status().as_str(), client(&chat, again)), ("connected", Some(2_u32.into())));
}

#[test]
fn a_forced_reconnect_destroys_and_rebuilds_and_a_gentle_one_does_not() {
    let mut chat = connected();
    let gentle = chat.call("reconnect", &force(false));
    assert_eq!((client(&chat, gentle), chat.opened_at().len()), (Some(1_u32.into()), 1));
    let forced = chat.call("reconnect", &force(true));
    assert_eq!((client(&chat, forced), disconnects(&chat)), (Some(2_u32.into()), vec![Reason::Forced]));
    assert_eq!(chat.peak, 1);
    let nobody = chatting().call("reconnect", &force(true));
    assert_eq!(nobody, CallId(1));
}

#[test]
fn forcing_what_is_closing_or_waiting_makes_one_new_client() {
    let mut chat = connected();
    chat.service.closes = false;
    let calls: Vec<_> = (0..3).map(|_| chat.call("reconnect", &force(true))).collect();
    chat.service.closes = true;
    chat.closes(Generation(1));
    chat.serve();
    assert_eq!((chat.opened_at().len(), chat.status().as_str()), (2, "connected"));
    assert!(calls.iter().all(|call| client(&chat, *call) == Some(2_u32.into())));
}

#[test]
fn a_close_that_never_settles_is_given_up_after_five_seconds() {
    let mut chat = connected();
    chat.service.closes = false;
    chat.connect("ben");
    chat.pass(CLOSE_TIMEOUT - 1);
    assert_eq!(chat.opened_at().len(), 1);
    chat.pass(1);
    assert_eq!((chat.opened_at().len(), chat.status().as_str()), (2, "connected"));
    let logged = |(name, data): &&(&str, Value)| *name == "log" && data.text("level") == Some("warn");
    assert_eq!(chat.world.events.iter().filter(logged).count(), 1);
}

#[test]
fn the_app_hears_of_a_disconnect_before_the_close() {
    let mut chat = connected();
    chat.page(PageEvent::Offline);
    let last: Vec<_> = chat.world.chat.iter().rev().take(2).map(|(_, _, output)| *output).collect();
    assert_eq!(last, [ChatOutput::Close, ChatOutput::Disconnecting(Reason::Offline)]);
}

#[test]
fn a_vendor_that_comes_back_is_closed_again() {
    let mut chat = connected();
    chat.page(PageEvent::Offline);
    chat.pass(VERIFY_AFTER);
    assert_eq!(chat.times(|output| output == ChatOutput::Verify), [chat.world.now]);
    chat.say(Generation(1), ChatEvent::CameBack);
    assert_eq!(chat.times(|output| output == ChatOutput::Close).len(), 2);
    chat.pass(VERIFY_AFTER);
    assert_eq!(chat.times(|output| output == ChatOutput::Verify).len(), 2, "and looked at again");
}

#[test]
fn nothing_that_is_said_of_an_old_connection_counts() {
    let mut chat = connected();
    chat.call("reconnect", &force(true));
    let before = (chat.world.manager.snapshot(), chat.world.chat.len());
    for event in [
        ChatEvent::Token { subject: None, expired: false },
        ChatEvent::Opened,
        ChatEvent::Failed(Failure::Refused, String::new()),
        ChatEvent::Alive,
        ChatEvent::Lost(Failure::Transient, String::new()),
        ChatEvent::Probed(Some(false)),
        ChatEvent::Closed,
    ] {
        chat.say(Generation(1), event.clone());
        assert_eq!((chat.world.manager.snapshot(), chat.world.chat.len()), before, "{event:?}");
    }
}

#[test]
fn a_call_without_a_network_says_so_and_connects_when_it_is_back() {
    let mut chat = chatting();
    chat.page(PageEvent::Offline);
    let call = chat.connect("ana");
    assert_eq!((code(&chat, call), chat.status().as_str()), (Some(Code::Offline), "disconnected: offline"));
    chat.page(PageEvent::Online);
    assert_eq!(chat.status(), "connected");
}

#[test]
fn settings_change_at_run_time() {
    let mut chat = connected();
    let longer = Value::object([("timeout", Value::Number(3_600_000.0))]);
    let settings = chat.world.manager.inactivity().parse(&longer).unwrap();
    assert_eq!(settings.hidden_grace, Some(60_000), "what is left out stays");
    let told = chat.world.changes;
    chat.handle(Input::SetInactivity(settings));
    assert!(chat.world.changes > told, "a prompt that is there goes");
    chat.pass(59 * MINUTE);
    assert_eq!(chat.status(), "connected");
    let bad = chat.world.manager.inactivity().parse(&Value::object([("timeout", 1_u32.into())]));
    assert!(bad.unwrap_err().message.starts_with("inactivity.timeout is 1; it must be a whole number from 10"));
}

#[test]
fn a_page_that_slept_finds_out_at_once() {
    let mut chat = connected();
    chat.service.answers = false;
    chat.world.now += 3 * 60 * MINUTE;
    chat.handle(Input::Wake);
    assert_eq!(chat.status(), "disconnected: inactive", "five minutes without activity have passed");
}

#[test]
fn disposing_closes_and_rejects_what_waits() {
    let mut chat = connected();
    chat.service = Service { closes: false, ..Service::WELL };
    let waiting = chat.connect("ben");
    chat.handle(Input::Dispose);
    assert_eq!(code(&chat, waiting), Some(Code::Disposed));
    assert_eq!(chat.world.manager.next_wakeup(), None);
    let mut chat = connected();
    chat.handle(Input::Dispose);
    assert_eq!((disconnects(&chat), chat.open.len()), (vec![Reason::Disposed], 0));
}

#[test]
fn the_database_hears_of_every_connection_once_when_it_opens_and_once_when_it_closes() {
    let mut chat = connected();
    chat.connect("ana");
    chat.pass(MINUTE);
    chat.page(PageEvent::Offline);
    chat.pass(SECOND);
    chat.page(PageEvent::Online);
    let said: Vec<_> = chat.world.reports.iter().map(|sent| (sent.rpc.clone(), sent.fresh_token)).collect();
    assert!(said.iter().all(|(rpc, _)| rpc.keepalive));
    let fresh: Vec<_> = said.iter().map(|(_, fresh)| *fresh).collect();
    assert_eq!(fresh, [true, false, true], "the close may be the page's last word");
    let said: Vec<_> = said.into_iter().map(|(rpc, _)| rpc.arguments).collect();
    assert_eq!(said.len(), 3);
    assert_eq!(said[0], Value::object([("p_connection_id", "holder/1".into()), ("p_cause", Value::Null)]));
    assert_eq!(
        said[1],
        Value::object([
            ("p_connection_id", "holder/1".into()),
            ("p_closed", true.into()),
            ("p_connected_ms", 60_000_u32.into()),
            ("p_cause", Value::Null),
            ("p_reason", "offline".into()),
            ("p_reused", 1_u32.into()),
            ("p_avoided", 0_u32.into()),
            ("p_idle_saved_ms", 0_u32.into()),
        ])
    );
    assert_eq!(said[2].text("p_cause"), Some("offline"));
}

#[test]
fn a_database_that_takes_no_reports_is_told_no_more() {
    let mut chat = connected();
    let request = chat.world.reports[0].request;
    chat.handle(Input::Answer { request, answer: engine_tests::error(403, "42501") });
    chat.call("reconnect", &force(true));
    assert_eq!(chat.world.reports.len(), 1);
    chat.handle(Input::User { id: Some("ben".to_owned()) });
    chat.call("reconnect", &force(true));
    assert_eq!(chat.world.reports.len(), 3, "until somebody else is signed in");
}

#[test]
fn without_a_transport_the_error_says_what_is_missing() {
    let config = streamkeeper::engine::Config::default();
    let page = streamkeeper::engine::page::Page {
        visible: true,
        online: true,
        frozen: false,
        exit: streamkeeper::engine::page::Exit::None,
    };
    let mut manager = streamkeeper::engine::Manager::new(config, String::new(), page, 0);
    let action = streamkeeper::engine::Action::Reconnect { force: false };
    manager.handle(0, Input::Call { call: CallId(1), action });
    let settled = std::iter::from_fn(|| manager.poll()).find_map(|output| match output {
        streamkeeper::engine::Output::Settle { result, .. } => result.err(),
        _ => None,
    });
    assert_eq!(settled.map(|error| error.code), Some(Code::NoChat));
}
