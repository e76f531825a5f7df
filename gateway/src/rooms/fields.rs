//! The fields of a body, by name: what a client got wrong is named to him, and what is right becomes an argument.

use axum::http::StatusCode;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::error::ApiError;

/// What a field may be. `null` says as much as a field that is not there.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Any text: how long it may be is for the database to say.
    Text,
    /// Yes or no.
    Flag,
    /// A whole number: between what, is for the database to say.
    Number,
    /// A UUID.
    Id,
}

/// The arguments of a function from the fields of a body: `title` becomes `p_title`.
pub fn arguments(known: &[(&str, Kind)], body: Map<String, Value>) -> Result<Map<String, Value>, ApiError> {
    let mut arguments = Map::new();
    for (name, value) in body {
        let Some((_, kind)) = known.iter().find(|(known, _)| *known == name) else {
            let names = known.iter().map(|(known, _)| *known).collect::<Vec<_>>().join(", ");
            return Err(bad_value(format!("{name} is not known here; there are {names}")));
        };
        let value = match (kind, value) {
            (_, Value::Null) => continue,
            (Kind::Text, text @ Value::String(_)) => text,
            (Kind::Flag, flag @ Value::Bool(_)) => flag,
            (Kind::Number, Value::Number(number)) if number.is_i64() => number.into(),
            (Kind::Id, Value::String(text)) => id(&name, &text)?.to_string().into(),
            (Kind::Text, _) => return Err(bad_value(format!("{name} must be a text"))),
            (Kind::Flag, _) => return Err(bad_value(format!("{name} must be true or false"))),
            (Kind::Number, _) => return Err(bad_value(format!("{name} must be a whole number"))),
            (Kind::Id, _) => return Err(not_an_id(&name)),
        };
        arguments.insert(format!("p_{name}"), value);
    }
    Ok(arguments)
}

/// A UUID, or an error that names the field.
pub fn id(name: &str, text: &str) -> Result<Uuid, ApiError> {
    text.parse().map_err(|_| not_an_id(name))
}

/// A field whose value is not one of those that it may have.
pub fn bad_value(message: String) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, "22023", message)
}

/// PostgreSQL's code for a text that is no UUID, as `/rest/v1/rpc` answers it.
fn not_an_id(name: &str) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, "22P02", format!("{name} must be a uuid"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const KNOWN: &[(&str, Kind)] = &[("title", Kind::Text), ("take_over", Kind::Flag), ("session_id", Kind::Id)];

    fn read(body: Value) -> Result<Value, String> {
        let Value::Object(body) = body else { panic!("an object") };
        arguments(KNOWN, body).map(Value::Object).map_err(|error| serde_json::to_string(&error).unwrap())
    }

    #[test]
    fn fields_become_arguments_and_nulls_defaults() {
        let id = "00000000-0000-4000-8000-000000000001";
        let body = json!({"title": "T", "take_over": false, "session_id": id});
        assert_eq!(read(body).unwrap(), json!({"p_title": "T", "p_take_over": false, "p_session_id": id}));
        assert_eq!(read(json!({"title": null, "session_id": null})).unwrap(), json!({}));
        assert_eq!(read(json!({})).unwrap(), json!({}));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (body, name) in [
            (json!({"title": 1}), "title must"),
            (json!({"take_over": "true"}), "take_over must"),
            (json!({"session_id": "1"}), "session_id must"),
            (json!({"session_id": 1}), "session_id must"),
            (json!({"p_title": "T"}), "p_title is not known"),
            (json!({"titel": "T"}), "title, take_over, session_id"),
        ] {
            let error = read(body).unwrap_err();
            assert!(error.contains(name), "{error}");
        }
    }
}
