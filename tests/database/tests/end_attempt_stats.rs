//! `end_attempt_stats`: the trail as numbers per day.

use database_tests::{TestDatabase, Who, code, message};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, raw_sql};

const ID: &str = "00000000-0000-4000-8000-000000000001";
const ID_2: &str = "00000000-0000-4000-8000-000000000002";

/// Puts a call on the trail: its time in May, stream, holder, number and outcome.
async fn attempt(db: &TestDatabase, at: &str, stream: &str, holder: Option<&str>, number: u32, outcome: &str) {
    sqlx::query(
        "insert into end_attempts (at, stream_id, actor, role, reason, holder, attempt, outcome)
         values ($1::timestamptz, $2::uuid, 'owner', 'authenticated', 'hangup', $3, $4, $5)",
    )
    .bind(format!("2026-05-{at}Z"))
    .bind(stream)
    .bind(holder)
    .bind(i32::try_from(number).unwrap())
    .bind(outcome)
    .execute(&mut db.owner().await)
    .await
    .unwrap();
}

async fn stats(db: &TestDatabase, from: &str, to: &str) -> Value {
    let rows = format!("end_attempt_stats('2026-05-{from}Z', '2026-05-{to}Z')");
    db.caller(Who::Admin("admin")).await.rows(&rows).await.unwrap()
}

/// One row of it. The counts: ended, already ended, not found, lost, retries, by deadline; held elsewhere is none.
fn day(day: &str, counts: [u32; 6], success_rate: Value) -> Value {
    let [ended, already_ended, not_found, lost, retries, by_deadline] = counts;
    json!({
        "day": format!("2026-05-{day}"), "attempts": ended + already_ended + not_found + lost,
        "ended": ended, "already_ended": already_ended, "held_elsewhere": 0, "not_found": not_found,
        "lost": lost, "retries": retries, "by_deadline": by_deadline, "success_rate": success_rate,
    })
}

#[tokio::test]
async fn every_day_of_the_range_has_a_row_and_its_outcomes_are_counted() {
    let db = TestDatabase::new().await;
    attempt(&db, "01 00:00", ID, Some("a"), 1, "ended").await;
    attempt(&db, "01 23:59:59.999999", ID, Some("b"), 1, "already_ended").await;
    attempt(&db, "03 12:00", ID_2, None, 1, "not_found").await;
    assert_eq!(
        stats(&db, "01 00:00", "04 00:00").await,
        json!([
            day("01", [1, 1, 0, 0, 0, 0], json!(1.0)),
            day("02", [0; 6], Value::Null),
            day("03", [0, 0, 1, 0, 0, 0], json!(0.0)),
        ])
    );
    // From p_from until before p_to.
    assert_eq!(stats(&db, "01 00:00", "01 23:59:59.999999").await, json!([day("01", [1, 0, 0, 0, 0, 0], json!(1.0))]));
    assert_eq!(stats(&db, "01 00:00:00.000001", "02 00:00").await, json!([day("01", [0, 1, 0, 0, 0, 0], json!(1.0))]));
    assert_eq!(stats(&db, "03 12:00:01", "03 13:00").await, json!([day("03", [0; 6], Value::Null)]));
}

#[tokio::test]
async fn attempts_that_never_arrived_are_counted_with_the_next_one_that_did_and_only_once() {
    let db = TestDatabase::new().await;
    // Two got lost; the third one ended it, its answer got lost; one got lost; the fifth one was told.
    attempt(&db, "01 12:00", ID, Some("a"), 3, "ended").await;
    attempt(&db, "01 12:01", ID, Some("a"), 5, "already_ended").await;
    assert_eq!(stats(&db, "01 00:00", "02 00:00").await, json!([day("01", [1, 1, 0, 3, 2, 0], json!(0.4))]));
    // The same, offline over night in between, and asked about the second day only.
    let night = TestDatabase::new().await;
    attempt(&night, "01 12:00", ID, Some("a"), 3, "ended").await;
    attempt(&night, "02 12:01", ID, Some("a"), 5, "already_ended").await;
    assert_eq!(stats(&night, "02 00:00", "03 00:00").await, json!([day("02", [0, 1, 0, 1, 1, 0], json!(0.5))]));
}

#[tokio::test]
async fn each_sender_counts_for_itself_and_may_begin_anew() {
    let db = TestDatabase::new().await;
    // Two devices, of which one lost an attempt, and another stream.
    attempt(&db, "01 12:00", ID, Some("a"), 1, "ended").await;
    attempt(&db, "01 12:01", ID, Some("b"), 2, "already_ended").await;
    attempt(&db, "01 12:02", ID_2, Some("a"), 2, "ended").await;
    // A reloaded page counts from 1 again, and then loses one.
    attempt(&db, "01 12:03", ID, Some("b"), 1, "already_ended").await;
    attempt(&db, "01 12:04", ID, Some("b"), 3, "already_ended").await;
    attempt(&db, "01 12:05", ID, Some("b"), 2, "already_ended").await;
    assert_eq!(stats(&db, "01 00:00", "02 00:00").await, json!([day("01", [2, 4, 0, 4, 4, 0], json!(0.6))]));
}

#[tokio::test]
async fn a_leave_that_ends_nothing_has_succeeded() {
    let db = TestDatabase::new().await;
    attempt(&db, "01 12:00", ID, Some("a"), 2, "held_elsewhere").await;
    let rows = stats(&db, "01 00:00", "02 00:00").await;
    assert_eq!(
        json!([
            rows[0]["attempts"],
            rows[0]["ended"],
            rows[0]["held_elsewhere"],
            rows[0]["lost"],
            rows[0]["success_rate"]
        ]),
        json!([2, 0, 1, 1, 0.5])
    );
}

#[tokio::test]
async fn what_ends_by_deadline_is_nobodys_attempt() {
    let db = TestDatabase::new().await;
    let mut owner = db.caller(Who::User("owner")).await;
    for id in [ID, ID_2] {
        owner.call(&format!("start_stream('{id}')")).await.unwrap();
    }
    raw_sql("update livestreams set started_at = now() - interval '3 days', last_seen_at = now() - interval '2 days'")
        .execute(&mut db.owner().await)
        .await
        .unwrap();
    let mut service = db.caller(Who::Service).await;
    assert_eq!(service.call("auto_end_inactive_streams()").await.unwrap(), json!(2));
    raw_sql(AssertSqlSafe(format!("update end_attempts set reason = 'lease_expired' where stream_id = '{ID}'")))
        .execute(&mut db.owner().await)
        .await
        .unwrap();
    // A host's outbox learns of it, after two attempts that got lost.
    owner.call(&format!("end_stream_comprehensive('{ID}', p_attempt => 3, p_holder => 'a')")).await.unwrap();
    let totals = "(select sum(attempts)::int as attempts, sum(ended)::int as ended, sum(lost)::int as lost,
                     sum(by_deadline)::int as by_deadline from end_attempt_stats(now() - interval '1 hour'))";
    assert_eq!(service.rows(totals).await.unwrap(), json!([{"attempts": 3, "ended": 0, "lost": 2, "by_deadline": 2}]));
}

#[tokio::test]
async fn without_arguments_it_is_about_the_last_thirty_days() {
    let db = TestDatabase::new().await;
    let mut service = db.caller(Who::Service).await;
    service.execute("set timezone = 'Pacific/Auckland'").await.unwrap();
    let days = "(select json_build_array(min(day) = (now() at time zone 'UTC')::date - 30,
                   max(day) = ((now() - interval '1 microsecond') at time zone 'UTC')::date, count(*)) from end_attempt_stats())";
    assert_eq!(service.call(days).await.unwrap(), json!([true, true, 31]));
}

#[tokio::test]
async fn it_is_for_admins_and_its_range_has_bounds() {
    let db = TestDatabase::new().await;
    for who in [Who::Anon, Who::User("owner")] {
        assert_eq!(code(db.caller(who).await.rows("end_attempt_stats()").await), "42501", "{who:?}");
    }
    let mut service = db.caller(Who::Service).await;
    service.execute("set timezone = 'UTC'").await.unwrap();
    service.rows("end_attempt_stats('2026-01-01', '2027-02-05')").await.unwrap();
    for (range, expected) in [
        ("'2026-01-01', '2027-02-05 00:00:01'", "p_to is more than 400 days after p_from"),
        (
            "'2026-01-02', '2026-01-02'",
            "p_from is 2026-01-02 00:00:00+00 and p_to is 2026-01-02 00:00:00+00; p_from must be before p_to",
        ),
        (
            "'-infinity', '2026-01-02'",
            "p_from is -infinity and p_to is 2026-01-02 00:00:00+00; p_from must be before p_to",
        ),
        ("p_to => 'infinity'", "p_from is infinity and p_to is infinity; p_from must be before p_to"),
    ] {
        let rows = format!("end_attempt_stats({range})");
        assert_eq!(code(service.rows(&rows).await), "22023", "{range}");
        assert_eq!(message(service.rows(&rows).await), expected);
    }
}
