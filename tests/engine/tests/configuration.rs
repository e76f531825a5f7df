//! What an app may configure, beyond what stands beside the code: everything else is refused by name.

use streamkeeper::engine::{Config, Value};

fn refused(section: &str, key: &str, value: Value) -> String {
    let config = Value::object([(section, Value::object([(key, value)]))]);
    Config::parse(&config).unwrap_err().message
}

fn backend(key: &str, value: &str) -> Result<Config, String> {
    let backend = Value::object([("url", "https://x.example".into()), (key, value.into())]);
    Config::parse(&Value::object([("backend", backend)])).map_err(|error| error.message)
}

#[test]
fn a_chat_transport_opens_and_closes() {
    for half in ["open", "close"] {
        let chat = Value::object([(half, Value::Opaque)]);
        let said = Config::parse(&Value::object([("chat", chat)])).unwrap_err().message;
        assert!(said.starts_with("chat is an object; it must be a chat transport"), "{said}");
    }
}

#[test]
fn a_key_goes_into_a_header() {
    let key = |key| backend("apiKey", key).map(|config| config.backend.unwrap().api_key.unwrap());
    assert_eq!(key("sb_publishable_x"), Ok("sb_publishable_x".to_owned()));
    for bad in ["", "s3cret key", "s3cret\n", "s3crét"] {
        let said = key(bad).unwrap_err();
        assert!(said.starts_with("backend.apiKey is not usable") && !said.contains("s3cr"), "{said}");
    }
}

#[test]
fn an_origin_is_one_word() {
    for bad in ["https://x example", "https://x\u{a0}example", "https://x\u{7}example", "https://x\\example"] {
        let said = backend("gatewayUrl", bad).unwrap_err();
        assert!(said.starts_with("backend.gatewayUrl is not usable"), "{said}");
    }
    let gateway = backend("gatewayUrl", "http://127.0.0.1:8787/").unwrap().backend.unwrap().gateway_url;
    assert_eq!(gateway.as_deref(), Some("http://127.0.0.1:8787"));
}

#[test]
fn there_are_one_to_ten_delays() {
    let delays = |count| Value::List(vec![Value::from(10_u32); count]);
    for count in [0, 11] {
        let said = refused("ending", "delays", delays(count));
        assert_eq!(said, "ending.delays is a list; it must be a list of 1 to 10 durations");
    }
    let config = Value::object([("ending", Value::object([("delays", delays(10))]))]);
    assert_eq!(Config::parse(&config).unwrap().ending.delays.len(), 10);
}

#[test]
fn a_logger_is_made_of_functions() {
    assert_eq!(refused("logger", "warn", 5_u32.into()), "logger.warn is 5; it must be a function");
    let logger = Value::object([("warn", Value::Opaque), ("error", Value::Opaque)]);
    assert!(Config::parse(&Value::object([("logger", logger)])).is_ok());
}

#[test]
fn a_number_that_cannot_be_is_shown_for_what_it_is() {
    for (number, shown) in [
        (f64::NAN, "not a finite number"),
        (f64::INFINITY, "not a finite number"),
        (0.5, "a fraction or very large"),
        (1e15, "a fraction or very large"),
        (999_999_999_999_999.0, "999999999999999"),
    ] {
        let said = refused("health", "timeout", Value::Number(number));
        assert!(said.starts_with(&format!("health.timeout is {shown}; ")), "{said}");
    }
}
