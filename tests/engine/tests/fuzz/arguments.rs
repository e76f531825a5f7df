//! Configurations and arguments as JavaScript may give them: what is right is taken as it is, and what is wrong is refused in
//! one line that names it, and shows no secret.

use engine_tests::cases;
use engine_tests::garbage::{SECRET, numbers, spoilt, texts, values};
use proptest::prelude::*;
use proptest::sample::select;
use streamkeeper::engine::action::session;
use streamkeeper::engine::config::{Inactivity, MAX_DURATION, MIN_DURATION, OnPageHide};
use streamkeeper::engine::error::Code;
use streamkeeper::engine::{Action, Attachment, Config, Error, Millis, Value};

const ID: &str = "0d7c1f6e-5a53-4a4e-9c39-6f2d1b0c9a11";

const METHODS: [&str; 20] = [
    "startStream",
    "endStreamById",
    "getStreamStatus",
    "stopStreamByKey",
    "playbackUrl",
    "listActiveStreams",
    "autoEndInactiveStreams",
    "forceEndAllStreams",
    "endStreamOnRedirect",
    "retryPendingEnds",
    "myRoom",
    "goLive",
    "endRoom",
    "getEventClients",
    "getTotalClients",
    "isHost",
    "connectUser",
    "disconnectUser",
    "reconnect",
    "__proto__",
];

/// Every setting, each with a value that is right.
fn whole_config() -> Value {
    Value::object([
        ("chat", Value::object([("open", Value::Opaque), ("close", Value::Opaque)])),
        (
            "backend",
            Value::object([
                ("url", "https://project.example".into()),
                ("apiKey", SECRET.into()),
                ("gatewayUrl", "http://127.0.0.1:8787/".into()),
                ("accessToken", Value::Opaque),
            ]),
        ),
        (
            "inactivity",
            Value::object([
                ("timeout", 60_000.into()),
                ("prompt", 30_000.into()),
                ("hiddenGrace", 0.into()),
                ("whileLive", "apply".into()),
            ]),
        ),
        ("reconnect", Value::object([("delay", 100.into()), ("maxDelay", 1_000.into()), ("jitter", false.into())])),
        ("health", Value::object([("interval", 5_000.into()), ("timeout", 700.into())])),
        (
            "ending",
            Value::object([
                ("delays", Value::List(vec![10.into(), 20.into()])),
                ("maxAttempts", 5.into()),
                ("timeout", 900.into()),
                ("leaveGrace", 800.into()),
                ("onPageHide", "end".into()),
                ("hostGrace", 40_000.into()),
            ]),
        ),
        ("logger", Value::object([("warn", Value::Opaque)])),
    ])
}

/// The arguments of any method, each with a value that is right.
fn all_arguments() -> Value {
    Value::object([
        ("streamId", ID.into()),
        ("key", ID.into()),
        ("roomId", ID.into()),
        ("eventId", ID.into()),
        ("streamerId", "ana".into()),
        ("userId", "ana".into()),
        ("token", "function".into()),
        ("userData", "object".into()),
        ("kind", "hls".into()),
        ("reason", "over".into()),
        ("hint", true.into()),
        ("options", Value::object([("title", "a".into()), ("idempotencyKey", "k".into()), ("takeOver", true.into())])),
    ])
}

/// An error that a developer can use, and an attacker cannot.
fn is_clear(error: &Error, code: Code) {
    assert_eq!(error.code, code, "{error}");
    let said = &error.message;
    assert!(said.chars().count() < 400, "{} characters: {said}", said.len());
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    assert!(!said.contains(breaks), "not one plain line: {said:?}");
    assert!(
        ["; it must be ", "is not a setting; known here: ", "is not known; known here: ", "is not a method"]
            .iter()
            .any(|words| said.contains(words)),
        "{said} says not what is right"
    );
}

/// What a configuration may hold after it has been read, whatever was given.
fn is_within_bounds(config: &Config) {
    let within = |duration: Millis| (MIN_DURATION..=MAX_DURATION).contains(&duration);
    let Config { inactivity, reconnect, health, ending, backend, .. } = config;
    let durations = [reconnect.delay, reconnect.max_delay, health.interval, health.timeout];
    assert!(durations.into_iter().all(within), "{config:?}");
    assert!([ending.timeout, ending.leave_grace, ending.host_grace].into_iter().all(within), "{config:?}");
    assert!((1..=10).contains(&ending.delays.len()) && ending.delays.iter().copied().all(within), "{config:?}");
    assert!((1..=10).contains(&ending.max_attempts), "{config:?}");
    assert!(inactivity.timeout.is_none_or(within) && inactivity.prompt.is_none_or(within), "{config:?}");
    assert!(inactivity.hidden_grace.is_none_or(|grace| grace == 0 || within(grace)), "{config:?}");
    if let (Some(timeout), Some(prompt)) = (inactivity.timeout, inactivity.prompt) {
        assert!(prompt < timeout, "{config:?}");
    }
    for origin in backend.iter().flat_map(|backend| [Some(&backend.url), backend.gateway_url.as_ref()]).flatten() {
        assert!(origin.starts_with("http") && !origin.ends_with('/') && !origin.contains(['@', '?', '#']), "{origin}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(800)))]

    #[test]
    fn a_configuration_is_taken_within_its_bounds_or_refused_by_name(
        given in prop_oneof![3 => spoilt(whole_config()), 1 => values()],
    ) {
        match Config::parse(&given) {
            Ok(config) => is_within_bounds(&config),
            Err(error) => {
                is_clear(&error, Code::InvalidConfig);
                prop_assert!(!error.message.contains(SECRET), "{error}");
            }
        }
        match Inactivity::default().parse(&given) {
            Ok(inactivity) => is_within_bounds(&Config { inactivity, ..Config::default() }),
            Err(error) => {
                is_clear(&error, Code::InvalidConfig);
                prop_assert!(error.message.starts_with("inactivity"), "{error}");
            }
        }
    }

    #[test]
    fn what_is_right_in_a_configuration_is_what_is_set(
        timeout in MIN_DURATION..=MAX_DURATION,
        delays in prop::collection::vec(MIN_DURATION..=MAX_DURATION, 1..=10),
        attempts in 1..=10_u32,
        never in any::<bool>(),
        page in select(vec![("grace", OnPageHide::Grace), ("end", OnPageHide::End), ("keep", OnPageHide::Keep)]),
    ) {
        let ending = Value::object([
            ("delays", Value::List(delays.iter().map(|delay| Value::millis(Some(*delay))).collect())),
            ("maxAttempts", attempts.into()),
            ("timeout", Value::millis(Some(timeout))),
            ("onPageHide", page.0.into()),
        ]);
        let inactivity = Value::object([("timeout", Value::millis(Some(timeout).filter(|_| !never)))]);
        let config = Config::parse(&Value::object([("ending", ending), ("inactivity", inactivity)])).unwrap();
        prop_assert_eq!(&config.ending.delays, &delays);
        prop_assert_eq!((config.ending.max_attempts, config.ending.timeout), (attempts, timeout));
        prop_assert_eq!(config.ending.on_page_hide, page.1);
        prop_assert_eq!(config.inactivity.timeout, Some(timeout).filter(|_| !never));
        // What was not given is as it is documented.
        prop_assert_eq!(config.health, Config::default().health);
    }

    #[test]
    fn what_is_wrong_with_a_backend_is_not_shown(
        member in select(vec!["url", "gatewayUrl", "apiKey", "accessToken"]),
        before in prop_oneof![texts(), Just("https://ana:".to_owned()), Just("https://x/?key=".to_owned())],
        after in texts(),
    ) {
        let text = [before.as_str(), SECRET, &after].concat();
        let backend = Value::object([("url", "https://project.example".into())]);
        let Value::Object(mut backend) = backend else { unreachable!() };
        backend.insert(0, (member.to_owned(), text.into()));
        if let Err(error) = Config::parse(&Value::object([("backend", Value::Object(backend))])) {
            is_clear(&error, Code::InvalidConfig);
            prop_assert!(error.message.starts_with(&["backend.", member].concat()), "{error}");
            prop_assert!(!error.message.contains(SECRET), "{error}");
        }
    }

    #[test]
    fn a_number_is_taken_exactly_where_it_is_within_its_bounds(number in numbers()) {
        let given = Value::object([("health", Value::object([("interval", Value::Number(number))]))]);
        let fits = number.fract() == 0.0 && number >= MIN_DURATION as f64 && number <= MAX_DURATION as f64;
        let config = Config::parse(&given);
        prop_assert_eq!(config.as_ref().map(|config| config.health.interval as f64).ok(), Some(number).filter(|_| fits));
    }

    #[test]
    fn arguments_are_read_or_refused_by_name(
        method in select(METHODS.to_vec()),
        given in prop_oneof![3 => spoilt(all_arguments()), 1 => values()],
    ) {
        match Action::parse(method, &given) {
            Ok(action) => prop_assert_eq!(action.name(), method),
            Err(error) => is_clear(&error, Code::InvalidArgument),
        }
    }

    #[test]
    fn attachments_and_sessions_are_read_or_refused_by_name(
        stream in spoilt(Value::object([
            ("streamId", ID.into()),
            ("streamerId", "ana".into()),
            ("role", "host".into()),
            ("hostParticipantId", "h0st".into()),
        ])),
        of in spoilt(Value::object([("key", ID.into()), ("kind", "hls".into())])),
    ) {
        match Attachment::parse(&stream) {
            Ok(attachment) => prop_assert!((1..=200).contains(&attachment.streamer.chars().count())),
            Err(error) => {
                is_clear(&error, Code::InvalidArgument);
                prop_assert!(error.message.starts_with("stream"), "{error}");
            }
        }
        match session(&of) {
            Ok((_, kind)) => prop_assert!((1..=40).contains(&kind.chars().count())),
            Err(error) => {
                is_clear(&error, Code::InvalidArgument);
                prop_assert!(error.message.starts_with("session."), "{error}");
            }
        }
    }

    #[test]
    fn a_text_is_shown_in_one_short_plain_line(text in texts()) {
        is_clear(&Attachment::parse(&text.as_str().into()).unwrap_err(), Code::InvalidArgument);
        let named = Value::Object(vec![(text, Value::Null)]);
        is_clear(&Config::parse(&named).unwrap_err(), Code::InvalidConfig);
    }
}

#[test]
fn everything_in_the_whole_examples_is_right() {
    let config = Config::parse(&whole_config()).unwrap();
    assert!(config.chat && config.ending.max_attempts == 5 && config.inactivity.hidden_grace == Some(0));
    assert_eq!(config.backend.and_then(|backend| backend.gateway_url).as_deref(), Some("http://127.0.0.1:8787"));
    let takes_all = ["endStreamById", "playbackUrl", "goLive", "isHost", "connectUser", "endStreamOnRedirect"];
    for method in takes_all {
        assert!(Action::parse(method, &all_arguments()).is_ok(), "{method}");
    }
}
