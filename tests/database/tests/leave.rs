//! `p_leave`: whoever leaves takes nobody else's stream along.

use database_tests::{Caller, TestDatabase, Who, code, message};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, raw_sql};

const ID: &str = "00000000-0000-4000-8000-000000000001";

async fn run(db: &TestDatabase, sql: &str) {
    raw_sql(AssertSqlSafe(sql)).execute(&mut db.owner().await).await.unwrap();
}

/// A stream that these pages of its host hold.
async fn held_by(db: &TestDatabase, holders: &[&str]) -> Caller {
    let mut owner = db.caller(Who::User("owner")).await;
    for holder in holders {
        owner.call(&format!("start_stream('{ID}', null, '{holder}')")).await.unwrap();
    }
    owner
}

async fn leave(caller: &mut Caller, holder: &str) -> Value {
    let call = format!("end_stream_comprehensive(p_stream_id => '{ID}', p_holder => '{holder}', p_leave => true)");
    caller.call(&call).await.unwrap()["status"].clone()
}

async fn status(db: &TestDatabase) -> Value {
    db.caller(Who::Anon).await.call(&format!("get_stream_status('{ID}')")).await.unwrap()["status"].clone()
}

async fn outcomes(db: &TestDatabase) -> Value {
    let rows = "(select outcome, holder from end_attempts order by id)";
    db.caller(Who::Service).await.rows(rows).await.unwrap()
}

#[tokio::test]
async fn the_stream_ends_when_the_last_of_its_holders_leaves() {
    let db = TestDatabase::new().await;
    let mut owner = held_by(&db, &["phone", "laptop"]).await;
    assert_eq!(leave(&mut owner, "laptop").await, "held_elsewhere");
    assert_eq!(leave(&mut owner, "laptop").await, "held_elsewhere", "said twice, it is the same");
    assert_eq!(status(&db).await, "live");
    assert_eq!(leave(&mut owner, "phone").await, "ended");
    assert_eq!(leave(&mut owner, "phone").await, "already_ended");
    let trail = json!([
        {"outcome": "held_elsewhere", "holder": "laptop"},
        {"outcome": "held_elsewhere", "holder": "laptop"},
        {"outcome": "ended", "holder": "phone"},
        {"outcome": "already_ended", "holder": "phone"},
    ]);
    assert_eq!(outcomes(&db).await, trail);
}

#[tokio::test]
async fn an_end_for_all_ends_whoever_holds() {
    let db = TestDatabase::new().await;
    let mut owner = held_by(&db, &["phone", "laptop"]).await;
    let call = format!("end_stream_comprehensive(p_stream_id => '{ID}', p_holder => 'laptop')");
    assert_eq!(owner.call(&call).await.unwrap()["status"], "ended");
}

#[tokio::test]
async fn a_holder_that_has_left_or_whose_lease_is_over_keeps_nothing_alive() {
    let db = TestDatabase::new().await;
    let mut owner = held_by(&db, &["phone", "laptop"]).await;
    run(
        &db,
        "select pg_sleep_until(pg_postmaster_start_time() + interval '6 s');
         update streamkeeper.sweeper set alive_since = now() - interval '1 hour',
           last_run_at = greatest(now() - interval '20 s', pg_postmaster_start_time());
         update streamkeeper.leases set lease_until = now() - interval '5 s' where holder = 'phone'",
    )
    .await;
    assert_eq!(leave(&mut owner, "laptop").await, "ended");
}

#[tokio::test]
async fn after_an_outage_a_lapsed_holder_still_counts() {
    let db = TestDatabase::new().await;
    let mut owner = held_by(&db, &["phone", "laptop"]).await;
    run(
        &db,
        "update streamkeeper.sweeper set alive_since = now(), last_run_at = now();
         update streamkeeper.leases set lease_until = now() - interval '5 s' where holder = 'phone'",
    )
    .await;
    assert_eq!(leave(&mut owner, "laptop").await, "held_elsewhere", "the phone may be on its way back");
}

#[tokio::test]
async fn a_stream_that_nobody_holds_ends_and_a_scheduled_one_is_called_off() {
    let db = TestDatabase::new().await;
    let mut owner = db.caller(Who::User("owner")).await;
    owner.call(&format!("start_stream('{ID}')")).await.unwrap();
    assert_eq!(leave(&mut owner, "laptop").await, "ended");
}

#[tokio::test]
async fn what_comes_from_an_outbox_is_told_apart_on_the_trail() {
    let db = TestDatabase::new().await;
    let mut owner = held_by(&db, &["phone"]).await;
    let call = |more: &str| format!("end_stream_comprehensive(p_stream_id => '{ID}', p_holder => 'phone'{more})");
    owner.call(&call(", p_replayed => true")).await.unwrap();
    owner.call(&call("")).await.unwrap();
    let rows = "(select outcome, replayed from end_attempts order by id)";
    let trail = json!([{"outcome": "ended", "replayed": true}, {"outcome": "already_ended", "replayed": false}]);
    assert_eq!(db.caller(Who::Service).await.rows(rows).await.unwrap(), trail);
}

#[tokio::test]
async fn it_goes_with_one_stream_and_with_rights_on_it() {
    let db = TestDatabase::new().await;
    let mut owner = held_by(&db, &["phone", "laptop"]).await;
    let call = "end_stream_comprehensive(p_streamer_id => 'owner', p_leave => true)";
    let refused = owner.call(call).await;
    assert_eq!(message(refused), "p_leave goes with p_stream_id");
    let mut other = db.caller(Who::User("other")).await;
    let call = format!("end_stream_comprehensive(p_stream_id => '{ID}', p_holder => 'laptop', p_leave => true)");
    assert_eq!(code(other.call(&call).await), "42501");
    assert_eq!((status(&db).await, outcomes(&db).await), (json!("live"), json!([])));
}
