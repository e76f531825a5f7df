//! Live rooms: their sessions, who is in them, and that they are never stuck.

mod at_once;
mod attendance;
mod going_live;
mod killed;
mod listing;
mod properties;
mod refusals;
mod scale;
mod scheduled;
mod stuck;

use database_tests::{Caller, TestDatabase, Who, my_room};
use serde_json::Value;

/// A host with a room.
struct Host {
    db: TestDatabase,
    caller: Caller,
    room: String,
}

impl Host {
    async fn new() -> Self {
        let db = TestDatabase::new().await;
        let mut caller = db.caller(Who::User("host")).await;
        let room = my_room(&mut caller).await;
        Self { db, caller, room }
    }

    /// Calls a function of rooms on the own one: `call("live_room_end", "p_reason => 'x'")`.
    async fn call(&mut self, function: &str, arguments: &str) -> Result<Value, sqlx::Error> {
        let comma = if arguments.is_empty() { "" } else { ", " };
        self.caller.call(&format!("{function}('{}'{comma}{arguments})", self.room)).await
    }

    async fn go_live(&mut self, arguments: &str) -> Value {
        self.call("live_room_create_session", arguments).await.unwrap()
    }

    /// As everybody sees it.
    async fn room(&self) -> Value {
        let mut anon = self.db.caller(Who::Anon).await;
        anon.call(&format!("get_live_room('{}')", self.room)).await.unwrap()
    }

    async fn stuck(&self) -> Value {
        self.db.rows("select status, why from stuck_rooms()").await
    }
}

/// Its status, whether something is on in it, and whether its host is there.
fn state(room: &Value) -> (&str, bool, bool) {
    (room["status"].as_str().unwrap(), room["current_session_id"].is_string(), room["host_present"].as_bool().unwrap())
}

const IDLE: (&str, bool, bool) = ("idle", false, false);

/// An id out of an answer.
fn id(answer: &Value, field: &str) -> String {
    answer[field].as_str().unwrap().to_owned()
}
