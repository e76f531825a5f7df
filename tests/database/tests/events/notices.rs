//! What a host is told: once for each live period, at the time that the host wants, by a job that is made with the decision.

use database_tests::{Who, code};
use serde_json::{Value, json};

use crate::stage::{EVENT, Stage};

/// What there is of graphile_worker's schema that the kernel uses.
const QUEUE: &str = "
  create schema graphile_worker;
  create table graphile_worker.jobs (task text, payload json, run_at timestamptz, max_attempts int, key text);
  create function graphile_worker.add_job(
    identifier text, payload json default null, queue_name text default null, run_at timestamptz default null,
    max_attempts integer default null, job_key text default null, priority integer default null,
    flags text[] default null, job_key_mode text default 'replace'
  ) returns void language sql as $$
    insert into graphile_worker.jobs values (identifier, payload, run_at, max_attempts, job_key)
  $$;
  grant usage on schema graphile_worker to service_role;
  grant select on graphile_worker.jobs to service_role";

/// Somebody comes, everybody leaves, and the grace is over.
async fn live_period(stage: &mut Stage) {
    stage.first("a").await;
    stage.last("a").await;
    stage.pass(31.0).await;
    assert_eq!(stage.sweep().await, (1, 0));
}

async fn jobs(stage: &mut Stage) -> Value {
    stage.see("(select coalesce(json_agg(j.key order by j.key), '[]') from graphile_worker.jobs j)").await
}

#[tokio::test]
async fn the_job_is_made_with_the_notice_and_knows_only_its_id() {
    let mut stage = Stage::new().await;
    stage.run(QUEUE).await;
    live_period(&mut stage).await;
    let as_it_should_be =
        "(select row_to_json(t) from (
            select j.task, j.max_attempts, j.run_at = n.due_at as in_time, j.key = n.dedupe_key as keyed,
              j.payload ->> 'notification_id' = n.id::text and (select count(*) = 1 from json_object_keys(j.payload)) as id_only,
              n.dedupe_key, n.host_user_id, n.enqueued_at is not null as enqueued
            from graphile_worker.jobs j, notifications n) t)";
    assert_eq!(
        stage.see(as_it_should_be).await,
        json!({
            "task": "event_notice", "max_attempts": 16, "in_time": true, "keyed": true, "id_only": true,
            "dedupe_key": format!("event-ended:{EVENT}:1"), "host_user_id": "host", "enqueued": true
        })
    );
    stage.sweep().await;
    assert_eq!(jobs(&mut stage).await, json!([format!("event-ended:{EVENT}:1")]));
}

#[tokio::test]
async fn whatever_undoes_the_decision_undoes_the_job() {
    let mut stage = Stage::new().await;
    stage.run(QUEUE).await;
    stage.first("a").await;
    let mut host = stage.db.caller(Who::User("host")).await;
    host.execute("begin").await.unwrap();
    host.call(&format!("end_event('{EVENT}')")).await.unwrap();
    host.execute("rollback").await.unwrap();
    stage.is("live", 1).await;
    assert_eq!((jobs(&mut stage).await, stage.notices().await), (json!([]), json!([])));
}

#[tokio::test]
async fn what_was_decided_before_there_was_a_queue_is_queued_once_there_is() {
    let mut stage = Stage::new().await;
    live_period(&mut stage).await;
    assert_eq!(stage.see("(select enqueued_at is null from notifications)").await, true);
    stage.run(QUEUE).await;
    for _ in 0..2 {
        stage.sweep().await;
    }
    assert_eq!(jobs(&mut stage).await, json!([format!("event-ended:{EVENT}:1")]));
}

#[tokio::test]
async fn a_queue_that_does_not_work_keeps_no_event_from_ending() {
    let mut stage = Stage::new().await;
    stage.run(QUEUE).await;
    stage.run("alter table graphile_worker.jobs add constraint is_full check (false)").await;
    live_period(&mut stage).await;
    assert_eq!(stage.notices().await, json!([[1, "queued"]]));
    stage.run("alter table graphile_worker.jobs drop constraint is_full").await;
    stage.sweep().await;
    assert_eq!(jobs(&mut stage).await, json!([format!("event-ended:{EVENT}:1")]));
}

#[tokio::test]
async fn of_reopenings_within_the_hour_the_host_is_not_told_again() {
    let mut stage = Stage::new().await;
    stage.run(QUEUE).await;
    live_period(&mut stage).await;
    stage.pass(1200.0).await;
    live_period(&mut stage).await;
    assert_eq!(stage.notices().await, json!([[1, "queued"], [2, "suppressed"]]));
    // An hour after the first one, which is the one that was sent.
    stage.pass(2400.0).await;
    live_period(&mut stage).await;
    assert_eq!(stage.notices().await, json!([[1, "queued"], [2, "suppressed"], [3, "queued"]]));
    assert_eq!(jobs(&mut stage).await, json!([format!("event-ended:{EVENT}:1"), format!("event-ended:{EVENT}:3")]));
    let why = "(select last_error from notifications where state = 'suppressed')";
    assert_eq!(stage.see(why).await, "the host was told within the hour");
}

#[tokio::test]
async fn whom_no_notice_has_reached_is_told_of_the_next() {
    let mut stage = Stage::new().await;
    live_period(&mut stage).await;
    stage.run("update notifications set state = 'failed'").await;
    live_period(&mut stage).await;
    assert_eq!(stage.notices().await, json!([[1, "failed"], [2, "queued"]]));
}

#[tokio::test]
async fn a_host_may_switch_them_off() {
    let mut stage = Stage::new().await;
    stage.user("host", "set_notification_preferences(p_enabled => false)").await;
    live_period(&mut stage).await;
    assert_eq!(stage.notices().await, json!([[1, "suppressed"]]));
    // What was kept back does not count as told.
    stage.user("host", "set_notification_preferences(p_enabled => true)").await;
    live_period(&mut stage).await;
    assert_eq!(stage.notices().await, json!([[1, "suppressed"], [2, "queued"]]));
}

#[tokio::test]
async fn a_host_may_have_them_later() {
    let mut stage = Stage::new().await;
    stage.run(QUEUE).await;
    stage.user("host", "set_notification_preferences(p_delay_seconds => 600)").await;
    live_period(&mut stage).await;
    let later = "(select n.state = 'queued' and n.due_at = n.created_at + interval '600 s' and j.run_at = n.due_at
                  from notifications n, graphile_worker.jobs j)";
    assert_eq!(stage.see(later).await, true);
}

#[tokio::test]
async fn a_host_may_have_them_together() {
    let mut stage = Stage::new().await;
    stage.run("insert into app_users (user_id, time_zone) values ('host', 'Asia/Kathmandu')").await;
    for (batch, due) in [
        ("hourly", "n.due_at = date_trunc('hour', n.created_at) + interval '1 hour'"),
        (
            "daily",
            "(n.due_at at time zone 'Asia/Kathmandu')::time = '08:00' and n.due_at > n.created_at
               and n.due_at <= n.created_at + interval '1 day'",
        ),
    ] {
        stage.user("host", &format!("set_notification_preferences(p_batch => '{batch}')")).await;
        stage.run("delete from notifications").await;
        live_period(&mut stage).await;
        let batched = format!("(select n.state = 'batched' and {due} from notifications n)");
        assert_eq!(stage.see(&batched).await, true, "{batch}");
    }
}

#[tokio::test]
async fn a_day_begins_at_eight_also_when_it_is_before_that() {
    let stage = Stage::new().await;
    stage.run("insert into app_users (user_id, time_zone) values ('host', 'America/New_York')").await;
    stage.user("host", "set_notification_preferences(p_batch => 'daily', p_delay_seconds => 3600)").await;
    for (at, due) in [
        // 05:30 and, an hour later, 06:30 there.
        ("2026-07-01 09:30Z", "2026-07-01 12:00Z"),
        ("2026-07-01 10:59Z", "2026-07-01 12:00Z"),
        ("2026-07-01 11:00Z", "2026-07-02 12:00Z"),
        // The clocks go back in the night.
        ("2026-10-31 20:00Z", "2026-11-01 13:00Z"),
    ] {
        let call = format!("select streamkeeper.notice_due_at(p, '{at}') = '{due}' from notification_preferences p");
        let is_due: bool =
            sqlx::query_scalar(sqlx::AssertSqlSafe(call)).fetch_one(&mut stage.db.owner().await).await.unwrap();
        assert!(is_due, "{at}");
    }
}

#[tokio::test]
async fn preferences_are_ones_own_and_null_leaves_them_as_they_are() {
    let stage = Stage::new().await;
    let usual = json!({"enabled": true, "delay_seconds": 0, "batch": "none", "channel": "email"});
    assert_eq!(stage.user("host", "set_notification_preferences()").await, usual);
    stage.user("host", "set_notification_preferences(false, 60, 'daily', 'email')").await;
    let kept = json!({"enabled": false, "delay_seconds": 60, "batch": "daily", "channel": "email"});
    assert_eq!(stage.user("host", "set_notification_preferences()").await, kept);
    assert_eq!(stage.user("guest", "set_notification_preferences()").await, usual);
    assert_eq!(stage.user("guest", "(select count(*) from notification_preferences)").await, 1);
}

#[tokio::test]
async fn a_host_is_reached_at_the_applications_address_or_else_at_the_accounts() {
    let mut stage = Stage::new().await;
    stage
        .run(
            "insert into auth.users (id, email) values ('00000000-0000-4000-8000-0000000000aa', 'account@example.org'),
               ('00000000-0000-4000-8000-0000000000bb', 'other@example.org');
             insert into app_users (user_id, email) values ('00000000-0000-4000-8000-0000000000bb', 'app@example.org'),
               ('auth0|7', null), ('auth0|8', 'eight@example.org')",
        )
        .await;
    for (user, address) in [
        ("00000000-0000-4000-8000-0000000000aa", json!("account@example.org")),
        ("00000000-0000-4000-8000-0000000000bb", json!("app@example.org")),
        ("00000000-0000-4000-8000-0000000000cc", Value::Null),
        ("auth0|7", Value::Null),
        ("auth0|8", json!("eight@example.org")),
        ("nobody", Value::Null),
    ] {
        assert_eq!(stage.see(&format!("streamkeeper.user_email('{user}')")).await, address, "{user}");
    }
    stage.run("drop schema auth cascade").await;
    assert_eq!(stage.see("streamkeeper.user_email('00000000-0000-4000-8000-0000000000aa')").await, Value::Null);
}

#[tokio::test]
async fn workers_write_what_became_of_a_notice_and_make_none() {
    let mut stage = Stage::new().await;
    live_period(&mut stage).await;
    let mut worker = stage.db.caller(Who::Service).await;
    worker.execute("update notifications set state = 'sending', attempts = attempts + 1").await.unwrap();
    worker
        .execute(
            "insert into emails (notification_id, recipient, subject, message_id)
             select id, 'host@example.org', 'Event Stream Ended', dedupe_key from notifications",
        )
        .await
        .unwrap();
    assert_eq!(stage.user("host", "(select json_agg(recipient) from emails)").await, json!(["host@example.org"]));
    assert_eq!(stage.user("guest", "(select count(*) from emails)").await, 0);
    for forbidden in
        ["delete from notifications", "insert into notifications (dedupe_key) values ('x')", "delete from events"]
    {
        assert_eq!(code(worker.execute(forbidden).await), "42501", "{forbidden}");
    }
}

#[tokio::test]
async fn of_many_events_that_nobody_came_to_the_host_is_told_once_an_hour() {
    let mut stage = Stage::new().await;
    stage.user("host", "create_event('Encore')").await;
    stage.user("another", "create_event('Concert')").await;
    stage.pass(601.0).await;
    assert_eq!(stage.sweep().await, (3, 0));
    let states = "(select json_agg(array[host_user_id, state] order by host_user_id, state) from notifications)";
    assert_eq!(stage.see(states).await, json!([["another", "queued"], ["host", "queued"], ["host", "suppressed"]]));
    stage.user("host", "create_event('Later')").await;
    stage.pass(3601.0).await;
    assert_eq!(stage.sweep().await, (1, 0));
    assert_eq!(stage.see("(select count(*) from notifications where state = 'queued')").await, 3);
}
