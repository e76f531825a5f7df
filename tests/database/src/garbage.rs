//! JSON as anybody may send it.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

/// Texts at which mistakes are made; none that JSON cannot hold.
pub fn texts() -> impl Strategy<Value = String> {
    let edges = vec![
        "",
        " ",
        "\0",
        "\u{202e}evil",
        "\u{fffd}\u{feff}",
        "👩‍👩‍👧‍👦é\u{301}",
        "'; drop table livestreams; --",
        "{\"a\": 1}",
        "{a,\"b\",NULL}",
        "null",
        "NaN",
        "infinity",
        "-infinity",
        "now",
        "2026-13-45T99:99:99Z",
        "4714-11-24 00:00:00+00 BC",
        "294276-12-31 23:59:59.999999+00",
        "1e400",
        "0x1F",
        "99999999999999999999",
        "true",
        "live",
        "ended",
        "host",
        "owner",
    ];
    prop_oneof![
        5 => select(edges).prop_map(str::to_owned),
        1 => ".{0,30}",
        1 => select(vec![100, 101, 200, 201, 500, 501, 2_001, 20_000]).prop_map(|length| "ß".repeat(length)),
    ]
}

/// Numbers at which mistakes are made.
pub fn numbers() -> impl Strategy<Value = Value> {
    let edges = [json!(0), json!(-1), json!(1), json!(0.5), json!(-0.0), json!(90), json!(901), json!(2_147_483_647)];
    let more = [json!(2_147_483_648_u64), json!(u64::MAX), json!(i64::MIN), json!(1e308), json!(5e-324)];
    select(edges.into_iter().chain(more).collect::<Vec<_>>())
}

/// Anything at all.
pub fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        numbers(),
        texts().prop_map(Value::String),
    ];
    leaf.prop_recursive(5, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::vec((texts(), inner), 0..5).prop_map(|members| Value::Object(Map::from_iter(members))),
        ]
    })
}
