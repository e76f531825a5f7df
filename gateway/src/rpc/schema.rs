//! What the database knows about a function, and which of several a call means.

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value};
use sqlx::FromRow;
use sqlx::postgres::PgConnection;

use crate::error::ApiError;

/// A function as `pg_proc` describes it.
#[derive(Debug, Clone, FromRow)]
pub struct Function {
    /// What goes in, in order.
    #[sqlx(json)]
    pub arguments: Vec<Argument>,
    /// May it write?
    pub volatile: bool,
    /// Does it return any number of rows?
    pub set_returning: bool,
    /// Does it return nothing?
    pub void: bool,
    /// Does it name the columns of what it returns, with `returns table` or `out`? Then even one is an object.
    pub has_columns: bool,
}

/// An argument of a function.
#[derive(Debug, Clone, Deserialize)]
pub struct Argument {
    /// Its name, as clients write it.
    pub name: String,
    /// Its name, as SQL wants it.
    pub quoted: String,
    /// Its type, with its schema, as SQL wants it.
    pub sql_type: String,
    /// Is there no default?
    pub required: bool,
}

/// All functions of that name, read anew for each call: after a deploy the next call sees the new one.
pub async fn find(connection: &mut PgConnection, name: &str) -> Result<Vec<Function>, sqlx::Error> {
    sqlx::query_as(
        "select p.provolatile = 'v' as volatile, p.proretset as set_returning,
           p.prorettype = 'pg_catalog.void'::regtype as void,
           coalesce(p.proargmodes::text[] && '{o,b,t}', false) as has_columns,
           coalesce((
             select json_agg(json_build_object(
               'name', a.name, 'quoted', quote_ident(a.name), 'sql_type', format('%I.%I', n.nspname, t.typname),
               'required', a.position <= p.pronargs - p.pronargdefaults
             ) order by a.position)
             from (
               select coalesce(u.name, '') as name, u.type, row_number() over (order by u.position) as position
               from unnest(p.proargnames, coalesce(p.proallargtypes, p.proargtypes::oid[]), p.proargmodes)
                 with ordinality as u (name, type, mode, position)
               where coalesce(u.mode, 'i') in ('i', 'b', 'v')
             ) a
             join pg_type t on t.oid = a.type
             join pg_namespace n on n.oid = t.typnamespace
           ), '[]') as arguments
         from pg_proc p
         where p.pronamespace = 'public'::regnamespace and p.proname = $1 and p.prokind = 'f'",
    )
    .bind(name)
    .fetch_all(connection)
    .await
}

/// The one function that takes exactly these arguments: all that it requires, and none that it does not know.
pub fn resolve(name: &str, candidates: Vec<Function>, given: &Map<String, Value>) -> Result<Function, ApiError> {
    let nearest = candidates.first().cloned();
    let mut fitting = candidates.into_iter().filter(|function| fits(function, given));
    match (fitting.next(), fitting.next()) {
        (Some(function), None) => Ok(function),
        (None, _) => Err(not_found(name, given, nearest.as_ref())),
        (Some(_), Some(_)) => {
            let message = format!("Could not choose the best candidate function between several of public.{name}");
            let hint = "Try renaming the parameters or the function itself in the database so function overloading can be resolved";
            Err(ApiError::new(StatusCode::MULTIPLE_CHOICES, "PGRST203", message).with_hint(hint))
        }
    }
}

fn fits(function: &Function, given: &Map<String, Value>) -> bool {
    let known = |name: &String| function.arguments.iter().any(|argument| argument.name == *name);
    function.arguments.iter().all(|argument| !argument.required || given.contains_key(&argument.name))
        && given.keys().all(known)
}

/// No function takes these arguments; `nearest` is one of that name which takes others.
pub fn not_found(name: &str, given: &Map<String, Value>, nearest: Option<&Function>) -> ApiError {
    let names = given.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    let (signature, searched) = match given.len() {
        0 => (" without parameters".to_owned(), "without parameters".to_owned()),
        1 => (format!("({names})"), format!("with parameter {names}")),
        _ => (format!("({names})"), format!("with parameters {names}")),
    };
    let error = ApiError::new(
        StatusCode::NOT_FOUND,
        "PGRST202",
        format!("Could not find the function public.{name}{signature} in the schema cache"),
    )
    .with_details(format!(
        "Searched for the function public.{name} {searched}, but no matches were found in the schema cache."
    ));
    match nearest {
        None => error,
        Some(function) => {
            let names = function.arguments.iter().map(|argument| argument.name.as_str()).collect::<Vec<_>>().join(", ");
            error.with_hint(format!("Perhaps you meant to call the function public.{name}({names})"))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn function(arguments: &[(&str, bool)]) -> Function {
        let arguments = arguments.iter().map(|(name, required)| Argument {
            name: (*name).to_owned(),
            quoted: (*name).to_owned(),
            sql_type: "pg_catalog.text".to_owned(),
            required: *required,
        });
        Function {
            arguments: arguments.collect(),
            volatile: true,
            set_returning: false,
            void: false,
            has_columns: false,
        }
    }

    fn resolves(candidates: &[&[(&str, bool)]], given: Value) -> Result<usize, Value> {
        let candidates = candidates.iter().map(|arguments| function(arguments)).collect();
        let Value::Object(given) = given else { panic!("an object") };
        match resolve("f", candidates, &given) {
            Ok(function) => Ok(function.arguments.len()),
            Err(error) => Err(serde_json::to_value(error).unwrap()),
        }
    }

    #[test]
    fn required_are_needed_defaults_are_not_and_unknown_ones_do_not_fit() {
        let one: &[(&str, bool)] = &[("a", true), ("b", false)];
        assert_eq!(resolves(&[one], json!({"a": 1})), Ok(2));
        assert_eq!(resolves(&[one], json!({"a": 1, "b": null})), Ok(2));
        for given in [json!({}), json!({"b": 1}), json!({"a": 1, "c": 1}), json!({"A": 1})] {
            assert_eq!(resolves(&[one], given).unwrap_err()["code"], "PGRST202");
        }
    }

    #[test]
    fn overloads_are_told_apart_by_their_names_or_not_at_all() {
        let one: &[(&str, bool)] = &[("a", true)];
        let two: &[(&str, bool)] = &[("a", true), ("b", false)];
        assert_eq!(resolves(&[one, two], json!({"a": 1, "b": 1})), Ok(2));
        assert_eq!(resolves(&[one, two], json!({"a": 1})).unwrap_err()["code"], "PGRST203");
    }

    #[test]
    fn a_miss_says_what_was_looked_for_and_what_there_is() {
        let error = resolves(&[&[("a", true), ("b", false)]], json!({"y": 1, "x": 1})).unwrap_err();
        assert_eq!(error["message"], "Could not find the function public.f(x, y) in the schema cache");
        assert_eq!(error["hint"], "Perhaps you meant to call the function public.f(a, b)");
        let error = resolves(&[], json!({})).unwrap_err();
        assert_eq!(error["message"], "Could not find the function public.f without parameters in the schema cache");
        assert_eq!(error["hint"], Value::Null);
    }
}
