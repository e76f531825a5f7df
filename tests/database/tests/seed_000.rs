//! What was wrong with the system that this replaces: each fault is a test that would have caught it.

use database_tests::{TestDatabase, Who, code};
use serde_json::json;
use sqlx::{AssertSqlSafe, raw_sql};

const ID: &str = "00000000-0000-4000-8000-000000000001";

#[tokio::test]
async fn list_active_streams_returns_rows_of_its_declared_types() {
    let db = TestDatabase::new().await;
    db.caller(Who::User("owner")).await.call("start_stream()").await.unwrap();
    // Failed with 42804 as soon as there was a row.
    let list = db.caller(Who::Anon).await.rows("list_active_streams()").await.unwrap();
    assert_eq!(list.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn no_trigger_can_abort_an_end() {
    let db = TestDatabase::new().await;
    // A usage trigger failed with 42702 and took every end with it. What follows from an end must not be able to stop it.
    let mut owner = db.caller(Who::User("owner")).await;
    owner.call("live_room_create_session((my_room() ->> 'id')::uuid)").await.unwrap();
    raw_sql("drop table live_room_attendance cascade; drop table weekly_usage cascade")
        .execute(&mut db.owner().await)
        .await
        .unwrap();
    let result = owner.call("end_stream_comprehensive(p_streamer_id => 'owner')").await.unwrap();
    assert_eq!(result["affected_count"], 1);
}

#[tokio::test]
async fn ending_a_users_streams_leaves_tomorrows_alone() {
    let db = TestDatabase::new().await;
    raw_sql("insert into livestreams (streamer_id, scheduled_at) values ('owner', now() + interval '1 day')")
        .execute(&mut db.owner().await)
        .await
        .unwrap();
    let mut owner = db.caller(Who::User("owner")).await;
    owner.call("start_stream()").await.unwrap();
    let result = owner.call("end_stream_comprehensive(p_streamer_id => 'owner')").await.unwrap();
    assert_eq!(result["affected_count"], 1);
    assert_eq!(owner.call("(select count(*) from livestreams where status = 'scheduled')").await.unwrap(), json!(1));
}

#[tokio::test]
async fn the_duration_counts_while_live_and_stands_still_afterwards() {
    let db = TestDatabase::new().await;
    let mut superuser = db.owner().await;
    raw_sql(
        "insert into livestreams (id, streamer_id, status, started_at, last_seen_at)
         values ('00000000-0000-4000-8000-000000000001', 'owner', 'live', now() - interval '90 minutes', now())",
    )
    .execute(&mut superuser)
    .await
    .unwrap();
    let mut anon = db.caller(Who::Anon).await;
    let status = format!("get_stream_status('{ID}')");
    let live = anon.call(&status).await.unwrap()["duration_seconds"].as_i64().unwrap();
    assert!(live >= 5400, "{live}");
    let listed = anon.rows("list_active_streams()").await.unwrap()[0]["duration_seconds"].as_i64().unwrap();
    assert!(listed >= live, "{listed}");
    raw_sql("update livestreams set status = 'ended', ended_at = started_at + interval '61.9 s'")
        .execute(&mut superuser)
        .await
        .unwrap();
    assert_eq!(anon.call(&status).await.unwrap()["duration_seconds"], 61);
}

#[tokio::test]
async fn force_end_all_is_closed_to_everyone_but_admins() {
    let db = TestDatabase::new().await;
    db.caller(Who::User("owner")).await.call("start_stream()").await.unwrap();
    // `User` carries user_metadata.role = 'admin', which users can write themselves.
    for who in [Who::Anon, Who::User("other"), Who::User("owner")] {
        let result = db.caller(who).await.call("end_stream_comprehensive(p_force_end_all => true)").await;
        assert_eq!(code(result), "42501", "{who:?}");
    }
    assert_eq!(db.caller(Who::Anon).await.rows("list_active_streams()").await.unwrap().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_ended_stream_always_has_its_three_marks() {
    let db = TestDatabase::new().await;
    let mut owner = db.caller(Who::User("owner")).await;
    owner.call(&format!("start_stream('{ID}')")).await.unwrap();
    owner.call(&format!("end_stream_comprehensive('{ID}')")).await.unwrap();
    // Orphans had is_live = true, status = 'active' or no ended_at: one of the three wrong.
    let row = owner.rows("livestreams").await.unwrap()[0].clone();
    assert_eq!((&row["is_live"], &row["status"]), (&json!(false), &json!("ended")));
    assert!(row["ended_at"].is_string());
}

#[tokio::test]
async fn row_level_security_need_not_be_disabled_for_the_functions_to_work() {
    let db = TestDatabase::new().await;
    let mut owner = db.caller(Who::User("a non-uuid id")).await;
    owner.call(&format!("start_stream('{ID}')")).await.unwrap();
    assert_eq!(owner.call(&format!("end_stream_comprehensive('{ID}')")).await.unwrap()["status"], "ended");
    assert_eq!(owner.rows("livestreams").await.unwrap().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn usage_is_in_the_weeks_in_which_it_was_to_the_second_and_not_for_users_to_edit() {
    let db = TestDatabase::new().await;
    // Over a Sunday's midnight. All of it was booked to the first week, without its seconds.
    let stream = format!(
        "insert into livestreams (id, streamer_id, status, started_at, last_seen_at)
         values ('{ID}', 'owner', 'live', '2026-02-01 23:00:30Z', '2026-02-01 23:00:30Z');
         select streamkeeper.finish(array['{ID}']::uuid[], array[timestamptz '2026-02-02 00:30:15Z'], null, null, null, 1)"
    );
    raw_sql(AssertSqlSafe(stream)).execute(&mut db.owner().await).await.unwrap();
    let mut owner = db.caller(Who::User("owner")).await;
    let usage = "(select week_start_date as week, seconds from weekly_usage order by 1)";
    let booked = json!([{"week": "2026-01-26", "seconds": 3570}, {"week": "2026-02-02", "seconds": 1815}]);
    assert_eq!(owner.rows(usage).await.unwrap(), booked);
    assert_eq!(code(owner.execute("update weekly_usage set seconds = 1").await), "42501");
    assert_eq!(owner.rows(usage).await.unwrap(), booked);
}
