//! What tests of rooms look at.

use serde_json::Value;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, raw_sql};

use crate::{Caller, TestDatabase};

/// The caller's own room.
pub async fn my_room(caller: &mut Caller) -> String {
    let room = caller.call("my_room()").await.expect("everybody has a room");
    room["id"].as_str().expect("rooms have ids").to_owned()
}

impl TestDatabase {
    /// Runs statements as the superuser.
    pub async fn run(&self, sql: &str) {
        let mut owner = self.owner().await;
        raw_sql(AssertSqlSafe(sql)).execute(&mut owner).await.expect("the statements work");
        owner.close().await.expect("the connection closes");
    }

    /// The rows of a query, as JSON.
    pub async fn rows(&self, sql: &str) -> Value {
        let mut owner = self.owner().await;
        let rows = rows(&mut owner, sql).await;
        owner.close().await.expect("the connection closes");
        rows
    }

    /// All that there is about rooms, for tests in which nothing may change.
    pub async fn all_about_rooms(&self) -> Value {
        self.rows(
            "select
               (select json_agg(r order by r.id) from live_rooms r) as rooms,
               (select json_agg(s order by s.id) from live_room_sessions s) as sessions,
               (select json_agg(a order by a.id) from live_room_attendance a) as attendance,
               (select json_agg(l order by l.id) from livestreams l) as streams,
               (select json_agg(l order by l.kind, l.subject, l.holder) from streamkeeper.leases l) as leases,
               (select json_agg(u order by u.user_id) from app_users u) as users,
               (select count(*) from end_attempts) as attempts,
               (select count(*) from streamkeeper.room_recoveries) as recoveries",
        )
        .await
    }

    /// A sweeper that ran a moment ago, and has been alive for an hour. (A server that has just been started is given the
    /// time to have had a last run.)
    pub async fn sweeper_is_alive(&self) {
        self.run(
            "select pg_sleep_until(pg_postmaster_start_time() + interval '2 s');
             update streamkeeper.sweeper set alive_since = now() - interval '1 hour',
               last_run_at = greatest(now() - interval '1 s', pg_postmaster_start_time())",
        )
        .await;
    }
}

/// The rows of a query, as JSON.
pub async fn rows(connection: &mut PgConnection, sql: &str) -> Value {
    sqlx::query_scalar(AssertSqlSafe(format!("select coalesce(json_agg(t), '[]') from ({sql}) t")))
        .fetch_one(connection)
        .await
        .expect("the query works")
}
