//! `close-chats`: what the gateway does every day at 02:00 UTC, now.

use sqlx::Connection;
use sqlx::postgres::PgConnectOptions;

use super::session::{act_as, connect, service};
use super::{CommandError, Output};

/// Closes the chats whose appointments have been over for long enough, and says how many.
pub async fn close_chats(database: &PgConnectOptions) -> Result<Output, CommandError> {
    let mut connection = connect(database).await?;
    let mut transaction = connection.begin().await?;
    act_as(&mut transaction, &service()).await?;
    let closed: i32 = sqlx::query_scalar("select public.close_expired_chats()").fetch_one(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(Output::good(format!("closed {closed} expired {}\n", if closed == 1 { "chat" } else { "chats" })))
}
