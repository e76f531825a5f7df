//! What may come from JavaScript, a storage or a server: anything at all, and what is nearly right, which gets further.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use streamkeeper::engine::Value;

/// Planted wherever a token, a title or a vendor's words may be: what must not show up anywhere else. What spoils a value leaves
/// it where it is.
pub const SECRET: &str = "s3cret-t0ken";

/// Numbers at which mistakes are made.
pub fn numbers() -> impl Strategy<Value = f64> {
    let edges = vec![
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        -0.0,
        0.0,
        0.5,
        -1.0,
        1.0,
        9.0,
        10.0,
        5e-324,
        2_147_483_647.0,
        2_147_483_648.0,
        4_294_967_296.0,
        8.99e15,
        9_007_199_254_740_993.0,
        1.8e19,
        1e308,
    ];
    prop_oneof![4 => select(edges), 2 => (0..3_000_u32).prop_map(f64::from), 1 => any::<f64>()]
}

/// Texts at which mistakes are made.
pub fn texts() -> impl Strategy<Value = String> {
    let edges = vec![
        "",
        " ",
        "\0",
        "a\r\nb",
        "\u{202e}evil\u{2066}",
        "two\u{2028}lines\u{2029}and\u{85}more",
        "\u{fffd}\u{fffe}\u{feff}",
        "👩‍👩‍👧‍👦é\u{301}",
        "__proto__",
        "constructor",
        "hasOwnProperty",
        "null",
        "NaN",
        "live",
        "ended",
        "0D7C1F6E-5A53-4A4E-9C39-6F2D1B0C9A11",
        "0d7c1f6e-5a53-4a4e-9c39-6f2d1b0c9a1é",
    ];
    prop_oneof![
        4 => select(edges).prop_map(str::to_owned),
        1 => ".{0,30}",
        1 => select(vec![40, 41, 100, 101, 200, 201, 500, 501, 2_001, 70_000]).prop_map(|length| "ß".repeat(length)),
    ]
}

/// Names of members: those of our own objects, and those that objects have by nature.
fn names() -> impl Strategy<Value = String> {
    let known = vec![
        "streamId",
        "streamerId",
        "role",
        "title",
        "roomId",
        "options",
        "userId",
        "token",
        "kind",
        "key",
        "url",
        "timeout",
        "status",
        "type",
        "id",
        "stream_id",
        "room_id",
        "viewers",
        "count",
        "user",
        "at",
        "until",
    ];
    prop_oneof![3 => select(known).prop_map(str::to_owned), 1 => texts()]
}

/// Anything at all.
pub fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        numbers().prop_map(Value::Number),
        texts().prop_map(Value::Text),
        Just(Value::Opaque),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::List),
            prop::collection::vec((names(), inner), 0..5).prop_map(Value::Object),
        ]
    })
}

/// One way of spoiling what is right.
#[derive(Clone, Debug)]
enum Spoil {
    /// Something else is there.
    Replace(Value),
    /// A member, or an item, is not there.
    Drop(Index),
    /// A member has another name.
    Rename(Index, String),
    /// There is one more, in front or behind: perhaps of a name that is there already.
    Add(String, Value, bool),
}

/// `valid` as it is, or with up to three things wrong with it.
pub fn spoilt(valid: Value) -> impl Strategy<Value = Value> {
    let spoil = prop_oneof![
        4 => values().prop_map(Spoil::Replace),
        2 => any::<Index>().prop_map(Spoil::Drop),
        1 => (any::<Index>(), names()).prop_map(|(which, name)| Spoil::Rename(which, name)),
        2 => (names(), values(), any::<bool>()).prop_map(|(name, value, front)| Spoil::Add(name, value, front)),
    ];
    prop::collection::vec((any::<Index>(), spoil), 0..4).prop_map(move |spoils| {
        let mut value = valid.clone();
        for (which, spoil) in spoils {
            let mut at = which.index(size(&value));
            if let Some(place) = node(&mut value, &mut at) {
                apply(place, spoil);
            }
        }
        value
    })
}

fn apply(place: &mut Value, spoil: Spoil) {
    match (spoil, place) {
        (Spoil::Replace(value), place) => *place = value,
        (Spoil::Drop(which), Value::List(items)) if !items.is_empty() => drop(items.remove(which.index(items.len()))),
        (Spoil::Drop(which), Value::Object(all)) if !all.is_empty() => drop(all.remove(which.index(all.len()))),
        (Spoil::Rename(which, name), Value::Object(all)) if !all.is_empty() => {
            let which = which.index(all.len());
            let member = &mut all[which];
            if !holds(&member.1, SECRET) {
                member.0 = name;
            }
        }
        (Spoil::Add(name, value, true), Value::Object(all)) => all.insert(0, (name, value)),
        (Spoil::Add(name, value, false), Value::Object(all)) => all.push((name, value)),
        (Spoil::Add(_, value, _), Value::List(items)) => items.push(value),
        _ => {}
    }
}

fn size(value: &Value) -> usize {
    1 + match value {
        Value::List(items) => items.iter().map(size).sum(),
        Value::Object(members) => members.iter().map(|(_, member)| size(member)).sum(),
        _ => 0,
    }
}

fn node<'a>(value: &'a mut Value, at: &mut usize) -> Option<&'a mut Value> {
    if *at == 0 {
        return Some(value);
    }
    *at -= 1;
    match value {
        Value::List(items) => items.iter_mut().find_map(|item| node(item, at)),
        Value::Object(members) => members.iter_mut().find_map(|(_, member)| node(member, at)),
        _ => None,
    }
}

/// As `JSON.parse` could have given it: infinite perhaps (`1e999`), but never a number that is none, nor what is not data.
#[must_use]
pub fn as_json(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_nan() => Value::Null,
        Value::Opaque => Value::Null,
        Value::List(items) => Value::List(items.into_iter().map(as_json).collect()),
        Value::Object(members) => {
            Value::Object(members.into_iter().map(|(name, member)| (name, as_json(member))).collect())
        }
        other => other,
    }
}

/// Whether that text is anywhere in it.
pub fn holds(value: &Value, text: &str) -> bool {
    match value {
        Value::Text(own) => own.contains(text),
        Value::List(items) => items.iter().any(|item| holds(item, text)),
        Value::Object(members) => members.iter().any(|(name, member)| name.contains(text) || holds(member, text)),
        _ => false,
    }
}
