//! Many at the same time: one room, one session, and nothing left over.

use std::collections::HashSet;
use std::sync::Arc;

use database_tests::{TestDatabase, Who, my_room};
use serde_json::{Value, json};
use sqlx::postgres::PgDatabaseError;
use tokio::sync::Barrier;

use crate::Host;

const CONNECTIONS: usize = 32;

/// Calls the same on all connections at the same time; what each was answered.
async fn at_once(db: &TestDatabase, calls: impl Fn(usize) -> String) -> Vec<Result<Value, sqlx::Error>> {
    let barrier = Arc::new(Barrier::new(CONNECTIONS));
    let mut tasks = Vec::new();
    for n in 0..CONNECTIONS {
        let (mut caller, call, barrier) = (db.caller(Who::User("host")).await, calls(n), Arc::clone(&barrier));
        tasks.push(tokio::spawn(async move {
            barrier.wait().await;
            caller.call(&call).await
        }));
    }
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}

/// How many there are of each.
async fn counts(db: &TestDatabase) -> Value {
    let sql =
        "select (select count(*) from live_room_sessions) as sessions, (select count(*) from livestreams) as streams,
                 (select count(*) from live_room_sessions where status = 'live') as live,
                 (select count(*) from livestreams where status = 'live') as live_streams,
                 (select count(*) from stuck_rooms()) as stuck";
    db.rows(sql).await[0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_first_visits_of_one_user_make_one_room() {
    let db = TestDatabase::new().await;
    let barrier = Arc::new(Barrier::new(CONNECTIONS));
    let mut tasks = Vec::new();
    for n in 0..CONNECTIONS {
        let (mut caller, barrier) = (db.caller(Who::User("host")).await, Arc::clone(&barrier));
        tasks.push(tokio::spawn(async move {
            barrier.wait().await;
            let mut rooms = HashSet::new();
            for _ in (n..1000).step_by(CONNECTIONS) {
                rooms.insert(my_room(&mut caller).await);
            }
            rooms
        }));
    }
    let mut rooms = HashSet::new();
    for task in tasks {
        rooms.extend(task.await.unwrap());
    }
    let there = db.rows("select id::text from live_rooms").await;
    assert_eq!(rooms.into_iter().map(|id| json!({ "id": id })).collect::<Vec<_>>(), *there.as_array().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_same_key_all_get_the_same_session() {
    let host = Host::new().await;
    let answers = at_once(&host.db, |_| format!("live_room_create_session('{}', 'T', 'key')", host.room)).await;
    let mut sessions = HashSet::new();
    let mut begun = 0;
    for answer in answers {
        let mut answer = answer.unwrap();
        begun += usize::from(answer["replayed"] == json!(false));
        answer["replayed"] = json!(null);
        sessions.insert(answer.to_string());
    }
    assert_eq!((sessions.len(), begun), (1, 1), "{sessions:?}");
    let one = json!({"sessions": 1, "streams": 1, "live": 1, "live_streams": 1, "stuck": 0});
    assert_eq!(counts(&host.db).await, one);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_different_keys_one_gets_it_and_the_others_are_told_of_it() {
    for stuck in [false, true] {
        let host = Host::new().await;
        if stuck {
            host.db.run("update live_rooms set status = 'live'").await;
        }
        let answers = at_once(&host.db, |n| format!("live_room_create_session('{}', 'T', 'key-{n}')", host.room)).await;
        let (begun, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        let [Ok(session)] = &begun[..] else { panic!("{begun:?}") };
        assert_eq!(session["recovered"], stuck);
        for refusal in refused {
            let Err(sqlx::Error::Database(error)) = refusal else { panic!("{refusal:?}") };
            let error = error.downcast::<PgDatabaseError>();
            let live: Value = serde_json::from_str(error.detail().unwrap()).unwrap();
            assert_eq!((error.code(), &live["id"]), ("PT409", &session["id"]));
        }
        let one = json!({"sessions": 1, "streams": 1, "live": 1, "live_streams": 1, "stuck": 0});
        assert_eq!(counts(&host.db).await, one);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_all_take_over_one_is_left_and_all_others_have_ended() {
    let host = Host::new().await;
    let answers =
        at_once(&host.db, |_| format!("live_room_create_session('{}', p_take_over => true)", host.room)).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    let all = json!({
        "sessions": CONNECTIONS, "streams": CONNECTIONS, "live": 1, "live_streams": 1, "stuck": 0
    });
    assert_eq!(counts(&host.db).await, all);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_ends_one_is_the_end() {
    let mut host = Host::new().await;
    host.go_live("p_holder => 'page-1'").await;
    let room = host.room.clone();
    let ends = [
        format!("live_room_end('{room}')"),
        "end_stream_comprehensive(p_streamer_id => 'host')".to_owned(),
        format!("live_room_end('{room}', p_reason => 'again')"),
    ];
    for answer in at_once(&host.db, |n| ends[n % ends.len()].clone()).await {
        answer.unwrap();
    }
    let none = json!({"sessions": 1, "streams": 1, "live": 0, "live_streams": 0, "stuck": 0});
    assert_eq!(counts(&host.db).await, none);
    let trail = host.db.rows("select count(*) from end_attempts where outcome = 'ended'").await;
    assert_eq!(trail, json!([{"count": 1}]));
}
