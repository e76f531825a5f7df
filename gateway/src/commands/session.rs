//! A command's connection, and as whom it speaks.

use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use tokio::time::timeout;

use super::CommandError;
use crate::auth::{Caller, Role};

/// A person waits for it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Longer than a request's: a month of connections is counted.
const STATEMENT_TIMEOUT: &str = "60s";

/// Not a pool, which would hide behind "timed out" why there is no connection.
pub(super) async fn connect(options: &PgConnectOptions) -> Result<PgConnection, CommandError> {
    match timeout(CONNECT_TIMEOUT, options.connect()).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(error)) => {
            let error = CommandError::from(error);
            Err(CommandError::new(format!("the database cannot be reached: {error}")))
        }
        Err(_) => {
            let seconds = CONNECT_TIMEOUT.as_secs();
            Err(CommandError::new(format!("the database cannot be reached: no answer within {seconds} s")))
        }
    }
}

/// From here on, until the transaction ends, everything runs as this caller, the way a request of theirs would.
pub(super) async fn act_as(transaction: &mut PgConnection, caller: &Caller) -> Result<(), sqlx::Error> {
    let settings = "select set_config('search_path', 'public', true), set_config('timezone', 'UTC', true),
        set_config('statement_timeout', $1, true), set_config('role', $2, true),
        set_config('request.jwt.claims', $3, true)";
    let claims = serde_json::Value::Object(caller.claims.clone()).to_string();
    let query = sqlx::query(settings).bind(STATEMENT_TIMEOUT).bind(caller.role.as_str()).bind(claims);
    query.execute(transaction).await.map(drop)
}

/// The backend itself.
pub(super) fn service() -> Caller {
    Caller::of(Role::Service)
}

/// A signed-in user.
pub(super) fn user(id: &str) -> Caller {
    let mut caller = Caller::of(Role::Authenticated);
    caller.claims.insert("sub".to_owned(), id.into());
    caller
}
