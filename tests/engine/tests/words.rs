//! The words that go over the boundary: what JavaScript and the adapters say is understood, and what they are told they know.

use engine_tests::{STREAM, World};
use streamkeeper::engine::backend::{Verdict, judge};
use streamkeeper::engine::{Action, Answer, ChatEvent, ChatOutput, Code, Error, Failure, Reason, Value};

fn object(members: &[(&str, &str)]) -> Value {
    Value::Object(members.iter().map(|(key, value)| ((*key).to_owned(), (*value).into())).collect())
}

fn refused(method: &str, arguments: &[(&str, &str)]) -> String {
    Action::parse(method, &object(arguments)).unwrap_err().message
}

#[test]
fn every_method_is_known_by_its_name_and_told_in_the_trace_by_its_arguments() {
    let about = |key: &str| object(&[(key, STREAM)]);
    let whole = object(&[("title", "#1"), ("idempotencyKey", "#2")]);
    let methods = [
        ("startStream", Value::object([("streamId", STREAM.into()), ("title", "#1".into())])),
        ("startStream", Value::Null),
        ("endStreamById", object(&[("streamId", STREAM), ("reason", "redirect")])),
        ("getStreamStatus", about("streamId")),
        ("stopStreamByKey", about("key")),
        ("playbackUrl", object(&[("streamId", STREAM), ("kind", "hls")])),
        ("playbackUrl", object(&[("streamId", STREAM), ("kind", "ts")])),
        ("listActiveStreams", Value::Null),
        ("autoEndInactiveStreams", Value::Null),
        ("forceEndAllStreams", Value::Null),
        ("endStreamOnRedirect", object(&[("streamerId", "#1")])),
        ("retryPendingEnds", Value::Null),
        ("myRoom", Value::Null),
        ("goLive", Value::object([("roomId", STREAM.into()), ("options", whole)])),
        ("endRoom", about("roomId")),
        ("isHost", Value::object([("roomId", STREAM.into()), ("hint", false.into())])),
        ("getEventClients", about("eventId")),
        ("getTotalClients", Value::Null),
        ("connectUser", object(&[("userId", "#1"), ("token", "function")])),
        ("connectUser", object(&[("userId", "#1"), ("token", "string")])),
        ("disconnectUser", Value::Null),
        ("reconnect", Value::object([("force", true.into())])),
    ];
    for (method, arguments) in methods {
        let action = Action::parse(method, &arguments).unwrap();
        assert_eq!(action.name(), method);
        let mut world = World::new();
        world.call(method, &arguments);
        let told = world.manager.traced().from(0).next().map(|entry| entry.what.clone()).unwrap();
        let data = told.get("data").cloned().unwrap_or_default();
        assert_eq!((told.text("input"), Action::parse(method, &data).unwrap()), (Some(method), action));
    }
    assert!(refused("endEverything", &[]).starts_with("endEverything is not a method"));
}

#[test]
fn an_argument_that_is_wrong_is_named() {
    let kind = refused("playbackUrl", &[("streamId", STREAM), ("kind", "dash")]);
    assert_eq!(kind, "kind is \"dash\"; it must be \"hls\" or \"ts\"");
    let data = refused("connectUser", &[("userId", "ana"), ("token", "string"), ("userData", "number")]);
    assert_eq!(data, "userData is of the type number; it must be an object");
    assert!(refused("connectUser", &[("userId", "ana")]).starts_with("token is of the type undefined"));
}

#[test]
fn what_a_chat_transport_says_is_understood() {
    let said = |name: &str, members: &[(&str, &str)]| ChatEvent::parse(name, &object(members)).unwrap();
    let because = |kind: &str| said("failed", &[("kind", kind), ("message", "no")]);
    for (kind, failure) in [
        ("expired", Failure::Expired),
        ("token", Failure::Token),
        ("refused", Failure::Refused),
        ("invalid", Failure::Invalid),
        ("whatever else", Failure::Transient),
    ] {
        assert_eq!(because(kind), ChatEvent::Failed(failure, "no".to_owned()));
    }
    assert_eq!(said("lost", &[("message", "reset")]), ChatEvent::Lost(Failure::Transient, "reset".to_owned()));
    assert_eq!(said("opened", &[]), ChatEvent::Opened);
    assert_eq!(said("alive", &[]), ChatEvent::Alive);
    assert_eq!(said("closed", &[]), ChatEvent::Closed);
    assert_eq!(said("came back", &[]), ChatEvent::CameBack);
    assert_eq!(said("probed", &[]), ChatEvent::Probed(None));
    assert_eq!(
        ChatEvent::parse("probed", &Value::object([("well", false.into())])),
        Some(ChatEvent::Probed(Some(false)))
    );
    let token = Value::object([("subject", "ana".into()), ("expired", true.into())]);
    let understood = ChatEvent::Token { subject: Some("ana".to_owned()), expired: true };
    assert_eq!(ChatEvent::parse("token", &token), Some(understood));
    assert_eq!(ChatEvent::parse("sang", &Value::Null), None);
}

#[test]
fn what_a_chat_transport_is_told_has_a_name_and_a_close_its_reason() {
    let told = [
        (ChatOutput::FetchToken, "token"),
        (ChatOutput::Open, "open"),
        (ChatOutput::Close, "close"),
        (ChatOutput::Probe, "probe"),
        (ChatOutput::Verify, "verify"),
    ];
    for (output, name) in told {
        assert_eq!((output.name(), output.why()), (name, None));
    }
    let why = ChatOutput::Disconnecting(Reason::Hidden);
    assert_eq!((why.name(), why.why()), ("disconnecting", Some("hidden")));
}

#[test]
fn an_error_is_known_by_its_code() {
    let codes = [
        (Code::InvalidConfig, "invalid_config"),
        (Code::InvalidArgument, "invalid_argument"),
        (Code::NoBackend, "no_backend"),
        (Code::NoChat, "no_chat"),
        (Code::NotAllowed, "not_allowed"),
        (Code::NotFound, "not_found"),
        (Code::Conflict, "conflict"),
        (Code::Offline, "offline"),
        (Code::Timeout, "timeout"),
        (Code::Rejected, "rejected"),
        (Code::Token, "token"),
        (Code::Disposed, "disposed"),
    ];
    for (code, text) in codes {
        let error = Error::new(code, "why");
        assert_eq!(error.to_string(), format!("{text}: why"));
        let told = [("code", text.into()), ("message", "why".into()), ("cause", Value::Null)];
        assert_eq!(error.to_value(), Value::object(told));
    }
}

#[test]
fn each_function_of_the_backend_has_an_answer_of_its_own() {
    let status = |status: &str| object(&[("status", status)]);
    let own = [
        ("list_active_streams", Value::List(Vec::new())),
        ("live_room_listing", Value::List(Vec::new())),
        ("auto_end_inactive_streams", 3_u32.into()),
        ("end_stream_comprehensive", status("held_elsewhere")),
        ("record_chat_connection", Value::object([("success", true.into())])),
        ("end_stream_on_user_disconnect", true.into()),
        ("event_viewers", Value::object([("viewers", 7_u32.into())])),
        ("event_totals", Value::object([("viewers", 0_u32.into())])),
        ("playback", object(&[("url", "/proxy/hls/x")])),
        ("live_room_end", status("already_ended")),
        ("my_room", status("idle")),
    ];
    for (function, body) in own {
        let answer = |body: &Value| judge(function, Answer::Http { status: 200, body: Some(body.clone()) });
        assert_eq!(answer(&body), Verdict::Delivered(body.clone()), "{function}");
        // A captive portal's.
        assert!(matches!(answer(&status("ok")), Verdict::Transient(_)), "{function}");
    }
}

#[test]
fn half_of_postgrests_words_are_not_the_backends() {
    for half in ["code", "message"] {
        let answer = Answer::Http { status: 400, body: Some(object(&[(half, "22023")])) };
        assert!(matches!(judge("start_stream", answer), Verdict::Transient(_)), "{half}");
    }
    let Verdict::Unauthorised(error) = judge("start_stream", Answer::Http { status: 401, body: None }) else {
        panic!()
    };
    assert_eq!(error.code, Code::Token);
}
