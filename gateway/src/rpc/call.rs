//! The call itself: one statement, in which PostgreSQL converts the arguments and builds the answer.

use serde_json::{Map, Value};
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use super::schema::{Argument, Function};

/// What a function returned.
#[derive(Debug)]
pub struct CallResult {
    /// The JSON to answer with.
    pub body: String,
    /// How many rows there were.
    pub rows: i64,
}

/// Calls the function. `single`: the first row instead of an array, also of a function that returns a set.
pub async fn call(
    connection: &mut PgConnection,
    name: &str,
    function: &Function,
    given: &Map<String, Value>,
    single: bool,
) -> Result<CallResult, sqlx::Error> {
    let sql = statement(name, function, given, single);
    let mut query = sqlx::query_as::<_, (String, i64)>(AssertSqlSafe(sql));
    if !given.is_empty() {
        query = query.bind(Value::Object(given.clone()).to_string());
    }
    let (body, rows) = query.fetch_one(connection).await?;
    Ok(CallResult { body, rows })
}

/// Nothing of a request gets into the text: `name` is on the list of functions, the rest is from the catalogue, quoted there.
fn statement(name: &str, function: &Function, given: &Map<String, Value>, single: bool) -> String {
    let used: Vec<&Argument> = function.arguments.iter().filter(|a| given.contains_key(&a.name)).collect();
    let join = |part: fn(&Argument) -> String| used.iter().map(|a| part(a)).collect::<Vec<_>>().join(", ");
    let body = if function.set_returning && !single {
        "coalesce(json_agg(r), '[]')::text"
    } else {
        "coalesce((json_agg(r) -> 0)::text, 'null')"
    };
    let body = if function.void { "''" } else { body };
    let arguments = join(|a| format!("{0} => a.{0}", a.quoted));
    let mut source = format!("public.{name}({arguments})");
    if function.has_columns {
        source = format!("(select * from {source} as f)");
    }
    if used.is_empty() {
        return format!("select {body}, count(*) from {source} as r");
    }
    let columns = join(|a| format!("{} {}", a.quoted, a.sql_type));
    format!("select {body}, count(*) from json_to_record($1::json) as a ({columns}), lateral {source} as r")
}
