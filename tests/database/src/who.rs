//! Callers: the same roles and claims that a gateway or PostgREST sets for a request.

use serde_json::{Value, json};
use sqlx::postgres::{PgConnection, PgDatabaseError};
use sqlx::{AssertSqlSafe, Connection, raw_sql};

/// Somebody who calls the database through the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Nobody in particular: no token.
    Anon,
    /// A signed-in user with this id.
    User(&'static str),
    /// A signed-in user with this id, whom the operators made an admin.
    Admin(&'static str),
    /// A backend with the service key.
    Service,
}

impl Who {
    /// The database role of such a request.
    pub fn role(self) -> &'static str {
        match self {
            Self::Anon => "anon",
            Self::User(_) | Self::Admin(_) => "authenticated",
            Self::Service => "service_role",
        }
    }

    /// The claims of its token.
    pub fn claims(self) -> Value {
        match self {
            Self::Anon | Self::Service => json!({ "role": self.role() }),
            // What users can write themselves must never make them an admin.
            Self::User(id) => json!({ "role": self.role(), "sub": id, "user_metadata": { "role": "admin" } }),
            Self::Admin(id) => json!({ "role": self.role(), "sub": id, "app_metadata": { "role": "admin" } }),
        }
    }
}

/// A connection that acts as somebody.
#[derive(Debug)]
pub struct Caller {
    connection: PgConnection,
}

impl Caller {
    pub(crate) async fn new(mut connection: PgConnection, who: Who) -> Self {
        sqlx::query("select set_config('role', $1, false), set_config('request.jwt.claims', $2, false)")
            .bind(who.role())
            .bind(who.claims().to_string())
            .execute(&mut connection)
            .await
            .expect("the role exists");
        Self { connection }
    }

    /// The value of one SQL expression, as JSON: `call("start_stream()")`.
    pub async fn call(&mut self, expression: &str) -> Result<Value, sqlx::Error> {
        let sql = format!("select coalesce(to_json({expression}), 'null')");
        let answer = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut self.connection).await;
        if answer.is_err() {
            // The server says what went wrong before it lets go of its locks, which whoever comes next would find.
            let _ = self.connection.ping().await;
        }
        answer
    }

    /// All rows of a query, as a JSON array: `rows("list_active_streams()")`.
    pub async fn rows(&mut self, from: &str) -> Result<Value, sqlx::Error> {
        let sql = format!("select coalesce(json_agg(r), '[]') from {from} r");
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut self.connection).await
    }

    /// Runs a statement and returns the number of rows it touched.
    pub async fn execute(&mut self, sql: &str) -> Result<u64, sqlx::Error> {
        Ok(raw_sql(AssertSqlSafe(sql)).execute(&mut self.connection).await?.rows_affected())
    }
}

/// The SQLSTATE of a failed call.
///
/// # Panics
/// When the call did not fail, or not in the database.
#[track_caller]
pub fn code<T: std::fmt::Debug>(result: Result<T, sqlx::Error>) -> String {
    database_error(result).code().to_owned()
}

/// The message of a failed call.
///
/// # Panics
/// When the call did not fail, or not in the database.
#[track_caller]
pub fn message<T: std::fmt::Debug>(result: Result<T, sqlx::Error>) -> String {
    database_error(result).message().to_owned()
}

#[track_caller]
fn database_error<T: std::fmt::Debug>(result: Result<T, sqlx::Error>) -> Box<PgDatabaseError> {
    match result {
        Err(sqlx::Error::Database(error)) => error.downcast::<PgDatabaseError>(),
        other => panic!("the database should have refused this, but: {other:?}"),
    }
}
