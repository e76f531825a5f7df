//! The connections to PostgreSQL: how many, how long a request waits for one, and the transaction that it gets.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Map, Value};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{Postgres, Transaction};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::auth::Caller;
use crate::error::ApiError;

/// How many requests use the database at the same time.
const MAX_CONNECTIONS: u32 = 10;

/// How long a request waits while all connections are in use.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long one waits for the database to accept a connection.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long one statement may run, in PostgreSQL's words.
const STATEMENT_TIMEOUT: &str = "10s";

/// A pool that can tell "all connections are busy" from "the database is away": whoever has a permit finds room in the
/// pool, so that waiting for longer can only mean that there is nobody to connect to.
#[derive(Debug, Clone)]
pub struct Database {
    pool: PgPool,
    permits: Arc<Semaphore>,
    connect_timeout: Duration,
}

/// What PostgreSQL can read of the request in its `request.*` settings.
#[derive(Debug, Clone, Default)]
pub struct RequestSettings {
    /// `request.method`
    pub method: String,
    /// `request.path`
    pub path: String,
    /// `request.headers`
    pub headers: Map<String, Value>,
}

/// One transaction as one caller. Rolled back unless committed.
#[derive(Debug)]
pub struct Session {
    // Declared first, and so given back first: see `Database`.
    transaction: Transaction<'static, Postgres>,
    caller: Caller,
    _permit: OwnedSemaphorePermit,
}

impl Database {
    /// Connects when the first request needs it, so that a gateway can start before its database.
    pub fn new(options: PgConnectOptions, connect_timeout: Duration) -> Self {
        let pool = PgPoolOptions::new()
            // One more than there are permits: `/health` answers while all others are busy.
            .max_connections(MAX_CONNECTIONS + 1)
            .acquire_timeout(connect_timeout)
            .idle_timeout(Duration::from_secs(300))
            .connect_lazy_with(options);
        Self { pool, permits: Arc::new(Semaphore::new(MAX_CONNECTIONS as usize)), connect_timeout }
    }

    /// A transaction that runs as this caller, with everything that ends with it: role, claims, search path, timeout.
    pub async fn begin(&self, caller: Caller, request: &RequestSettings) -> Result<Session, ApiError> {
        let permit = match timeout(QUEUE_TIMEOUT, Arc::clone(&self.permits).acquire_owned()).await {
            Ok(Ok(permit)) => permit,
            Ok(Err(_)) | Err(_) => {
                let message = "Timed out acquiring connection from connection pool.";
                return Err(ApiError::new(StatusCode::GATEWAY_TIMEOUT, "PGRST003", message));
            }
        };
        let to_error = |error| ApiError::from_database(error, caller.role);
        let mut transaction = self.pool.begin().await.map_err(to_error)?;
        sqlx::query(
            "select set_config('search_path', 'public', true), set_config('statement_timeout', $1, true),
               set_config('role', $2, true), set_config('request.jwt.claims', $3, true),
               set_config('request.method', $4, true), set_config('request.path', $5, true),
               set_config('request.headers', $6, true)",
        )
        .bind(STATEMENT_TIMEOUT)
        .bind(caller.role.as_str())
        .bind(Value::Object(caller.claims.clone()).to_string())
        .bind(&request.method)
        .bind(&request.path)
        .bind(Value::Object(request.headers.clone()).to_string())
        .execute(&mut *transaction)
        .await
        .map_err(to_error)?;
        Ok(Session { transaction, caller, _permit: permit })
    }

    /// Does the database answer?
    pub async fn is_there(&self) -> bool {
        matches!(timeout(self.connect_timeout, sqlx::query("select 1").execute(&self.pool)).await, Ok(Ok(_)))
    }

    /// Closes all connections, once they are given back.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

impl Session {
    /// The connection, for queries.
    pub fn connection(&mut self) -> &mut PgConnection {
        &mut self.transaction
    }

    /// From now on nothing can be written.
    pub async fn read_only(&mut self) -> Result<(), ApiError> {
        let result = sqlx::query("set transaction read only").execute(self.connection()).await;
        result.map(drop).map_err(|error| self.error(error))
    }

    /// What a failed query of this session is for the client.
    pub fn error(&self, error: sqlx::Error) -> ApiError {
        ApiError::from_database(error, self.caller.role)
    }

    /// Makes it all true.
    pub async fn commit(self) -> Result<(), ApiError> {
        let role = self.caller.role;
        self.transaction.commit().await.map_err(|error| ApiError::from_database(error, role))
    }
}
