//! The sweeper: what it ends, and what it must not end.

use std::sync::Arc;

use database_tests::{Caller, TestDatabase, Who, code};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, raw_sql};
use tokio::sync::Barrier;

const ID: &str = "00000000-0000-4000-8000-000000000001";
const ID_2: &str = "00000000-0000-4000-8000-000000000002";

async fn run(db: &TestDatabase, sql: &str) {
    raw_sql(AssertSqlSafe(sql)).execute(&mut db.owner().await).await.unwrap();
}

/// A sweeper that ran 20 s ago, and has been alive for so many seconds. (A server that has just been started is given
/// the time to have had a last run.)
async fn sweeper_alive_for(db: &TestDatabase, seconds: u32) {
    run(
        db,
        &format!(
            "select pg_sleep_until(pg_postmaster_start_time() + interval '6 s');
             update streamkeeper.sweeper set alive_since = now() - interval '{seconds} s',
               last_run_at = greatest(now() - interval '20 s', pg_postmaster_start_time())"
        ),
    )
    .await;
}

/// The stream has been live for an hour; each of these holders had a lease of so many seconds, which was over so many
/// seconds ago.
async fn lapsed(db: &TestDatabase, id: &str, holders: &[(&str, u32, i32)]) -> Caller {
    let mut owner = db.caller(Who::User("owner")).await;
    owner.call(&format!("start_stream('{id}')")).await.unwrap();
    for (holder, seconds, ago) in holders {
        owner.call(&format!("touch_stream('{id}', '{holder}', {seconds})")).await.unwrap();
        run(
            db,
            &format!(
                "update streamkeeper.leases set lease_until = now() - interval '{ago} s'
                 where subject = '{id}' and holder = '{holder}'"
            ),
        )
        .await;
    }
    run(
        db,
        &format!(
            "update livestreams set started_at = now() - interval '1 hour', last_seen_at = now() - interval '10 minutes'
             where id = '{id}'"
        ),
    )
    .await;
    owner
}

async fn sweep(db: &TestDatabase) -> Value {
    db.caller(Who::Service).await.call("sweep()").await.unwrap()
}

fn swept(ended: usize, held_back: usize) -> Value {
    json!({"ran": true, "ended": ended, "held_back": held_back, "events_ended": 0, "events_held_back": 0})
}

async fn status(db: &TestDatabase, id: &str) -> Value {
    db.caller(Who::Service).await.call(&format!("get_stream_status('{id}') ->> 'status'")).await.unwrap()
}

/// How many seconds ago the stream ended, to the nearest ten.
async fn ended_ago(db: &TestDatabase, id: &str) -> Value {
    let ago =
        format!("(select round(extract(epoch from now() - ended_at), -1)::int from livestreams where id = '{id}')");
    db.caller(Who::Service).await.call(&ago).await.unwrap()
}

async fn count(db: &TestDatabase, what: &str) -> Value {
    db.caller(Who::Service).await.call(&format!("(select count(*) from {what})")).await.unwrap()
}

#[tokio::test]
async fn a_stream_whose_last_holder_has_lapsed_ends_once_at_that_lapse() {
    let db = TestDatabase::new().await;
    lapsed(&db, ID, &[("page-1", 90, 70), ("phone", 90, 50)]).await;
    sweeper_alive_for(&db, 3600).await;
    assert_eq!(sweep(&db).await, swept(1, 0));
    assert_eq!(ended_ago(&db, ID).await, json!(50));
    let rows = "(select stream_id, actor, role, reason, holder, attempt, outcome from end_attempts)";
    assert_eq!(
        db.caller(Who::Service).await.rows(rows).await.unwrap(),
        json!([{"stream_id": ID, "actor": null, "role": "service_role", "reason": "lease_expired", "holder": null, "attempt": 1, "outcome": "ended"}])
    );
    let ended = db.caller(Who::Service).await.call(&format!("get_stream_status('{ID}')")).await.unwrap();
    assert_eq!((&ended["status"], &ended["end_reason"]), (&json!("ended"), &json!("lease_expired")));
    assert_eq!(count(&db, "streamkeeper.leases").await, json!(0));
    assert_eq!(sweep(&db).await, swept(0, 0));
    assert_eq!(count(&db, "end_attempts").await, json!(1));
}

#[tokio::test]
async fn one_good_lease_keeps_the_stream_and_what_was_never_held_is_not_swept() {
    let db = TestDatabase::new().await;
    lapsed(&db, ID, &[("page-1", 90, 500), ("phone", 300, -20)]).await;
    lapsed(&db, ID_2, &[]).await;
    run(&db, "insert into livestreams (streamer_id) values ('owner')").await;
    sweeper_alive_for(&db, 3600).await;
    assert_eq!(sweep(&db).await, swept(0, 0));
    assert_eq!((status(&db, ID).await, status(&db, ID_2).await), (json!("live"), json!("live")));
}

#[tokio::test]
async fn no_end_is_before_its_start() {
    let db = TestDatabase::new().await;
    lapsed(&db, ID, &[("page-1", 90, 50)]).await;
    run(&db, "update livestreams set started_at = now() - interval '10 s', last_seen_at = now()").await;
    sweeper_alive_for(&db, 3600).await;
    assert_eq!(sweep(&db).await, swept(1, 0));
    assert_eq!(count(&db, "livestreams where ended_at = started_at").await, json!(1));
}

#[tokio::test]
async fn the_very_first_run_ends_nothing() {
    let db = TestDatabase::new().await;
    run(&db, "update streamkeeper.sweeper set last_run_at = '-infinity'").await;
    lapsed(&db, ID, &[("page-1", 90, 50)]).await;
    run(&db, "update streamkeeper.sweeper set last_run_at = '-infinity'").await;
    assert_eq!(sweep(&db).await, swept(0, 1));
}

#[tokio::test]
async fn after_a_gap_everybody_gets_one_full_lease_first() {
    for gap in [
        // Nothing ran for longer than a run may be late.
        "now() - interval '41 s'",
        "now() - interval '3 days'",
        // The database has been restarted since.
        "pg_postmaster_start_time() - interval '1 ms'",
        // The clock was set back.
        "now() + interval '1 hour'",
    ] {
        let db = TestDatabase::new().await;
        lapsed(&db, ID, &[("page-1", 90, 170)]).await;
        sweeper_alive_for(&db, 3600).await;
        run(&db, &format!("update streamkeeper.sweeper set last_run_at = {gap}")).await;
        assert_eq!(sweep(&db).await, swept(0, 1), "{gap}");
        let state = "streamkeeper.sweeper where now() - alive_since < '10 s' and now() - last_run_at < '10 s'";
        let known: i64 = sqlx::query_scalar(AssertSqlSafe(format!("select count(*) from {state}")))
            .fetch_one(&mut db.owner().await)
            .await
            .unwrap();
        assert_eq!(known, 1, "{gap}");
        // Alive, but not for long enough.
        sweeper_alive_for(&db, 80).await;
        assert_eq!(sweep(&db).await, swept(0, 1), "{gap}");
        assert_eq!(status(&db, ID).await, json!("live"), "{gap}");
        // And then, with the time at which it really lapsed.
        sweeper_alive_for(&db, 91).await;
        assert_eq!(sweep(&db).await, swept(1, 0), "{gap}");
        assert_eq!(ended_ago(&db, ID).await, json!(170), "{gap}");
    }
}

#[tokio::test]
async fn a_gap_is_a_late_run_a_restart_or_a_clock_that_was_set_back() {
    let db = TestDatabase::new().await;
    let mut owner = db.owner().await;
    for (last_run, server_started, gap) in [
        ("-1 s", "-1 day", false),
        ("-40 s", "-1 day", false),
        ("-41 s", "-1 day", true),
        ("-30 s", "-30 s", false),
        ("-30 s", "-29 s", true),
        ("0 s", "-1 day", false),
        ("1 s", "-1 day", true),
    ] {
        let sql = format!(
            "select streamkeeper.alive_since(
               row(true, now() + interval '{last_run}', now() - interval '1 hour')::streamkeeper.sweeper,
               now(), now() + interval '{server_started}'
             ) = now()"
        );
        let is_gap: bool = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut owner).await.unwrap();
        assert_eq!(is_gap, gap, "last run {last_run}, server started {server_started}");
    }
}

/// The shortest outage that uses up a lease: nobody got through, the sweeper neither, and the first host is back.
#[tokio::test]
async fn the_first_host_to_come_back_after_an_outage_does_not_end_the_others() {
    let db = TestDatabase::new().await;
    lapsed(&db, ID, &[("page-1", 90, 2)]).await;
    lapsed(&db, ID_2, &[("page-2", 90, 2)]).await;
    sweeper_alive_for(&db, 3600).await;
    // The lease had 70 s left when it began, which is as few as there can be.
    run(&db, "update streamkeeper.sweeper set last_run_at = now() - interval '72 s'").await;
    let mut owner = db.caller(Who::User("owner")).await;
    owner.call(&format!("touch_stream('{ID}', 'page-1')")).await.unwrap();
    assert_eq!(sweep(&db).await, swept(0, 1));
    assert_eq!((status(&db, ID).await, status(&db, ID_2).await), (json!("live"), json!("live")));
}

#[tokio::test]
async fn a_row_that_cannot_be_ended_keeps_nobody_from_renewing() {
    let db = TestDatabase::new().await;
    lapsed(&db, ID, &[("page-1", 90, 170)]).await;
    lapsed(&db, ID_2, &[("page-2", 90, -60)]).await;
    sweeper_alive_for(&db, 3600).await;
    run(
        &db,
        "create function no() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
         create trigger no before update on livestreams for each row when (new.status = 'ended') execute function no()",
    )
    .await;
    let mut owner = db.caller(Who::User("owner")).await;
    let touched = owner.call(&format!("touch_stream('{ID_2}', 'page-2')")).await.unwrap();
    assert_eq!(touched["status"], "live");
    assert_eq!(status(&db, ID).await, json!("live"));
}

#[tokio::test]
async fn a_run_that_is_late_is_no_gap() {
    let db = TestDatabase::new().await;
    lapsed(&db, ID, &[("page-1", 90, 50)]).await;
    sweeper_alive_for(&db, 3600).await;
    // As late as this server's age allows.
    run(
        &db,
        "update streamkeeper.sweeper
         set last_run_at = greatest(now() - interval '35 s', pg_postmaster_start_time())",
    )
    .await;
    assert_eq!(sweep(&db).await, swept(1, 0));
}

#[tokio::test]
async fn each_holder_has_its_own_full_lease_and_a_goodbye_needs_none() {
    let db = TestDatabase::new().await;
    lapsed(&db, ID, &[("page-1", 30, 20), ("hidden", 600, 20)]).await;
    lapsed(&db, ID_2, &[("page-1", 30, 20)]).await;
    sweeper_alive_for(&db, 31).await;
    assert_eq!(sweep(&db).await, swept(1, 1));
    assert_eq!((status(&db, ID).await, status(&db, ID_2).await), (json!("live"), json!("ended")));
    run(&db, "update streamkeeper.leases set lease_seconds = 0 where holder = 'hidden'").await;
    sweeper_alive_for(&db, 31).await;
    assert_eq!(sweep(&db).await, swept(1, 0));
}

#[tokio::test]
async fn whoever_renews_while_held_back_goes_on() {
    let db = TestDatabase::new().await;
    let mut owner = lapsed(&db, ID, &[("page-1", 90, 170)]).await;
    sweeper_alive_for(&db, 3600).await;
    run(&db, "update streamkeeper.sweeper set last_run_at = now() - interval '1 hour'").await;
    assert_eq!(sweep(&db).await, swept(0, 1));
    assert_eq!(owner.call(&format!("touch_stream('{ID}', 'page-1')")).await.unwrap()["status"], "live");
    sweeper_alive_for(&db, 3600).await;
    assert_eq!(sweep(&db).await, swept(0, 0));
    assert_eq!(status(&db, ID).await, json!("live"));
}

#[tokio::test]
async fn start_touch_and_list_sweep_on_their_way_by_the_same_rule() {
    for (who, call) in [
        (Who::User("other"), "start_stream()".to_owned()),
        (Who::User("other"), format!("touch_stream('{ID_2}', 'page-2')")),
        (Who::Anon, "(select count(*) from list_active_streams())".to_owned()),
    ] {
        let db = TestDatabase::new().await;
        lapsed(&db, ID, &[("page-1", 90, 50)]).await;
        let mut caller = db.caller(Who::User("other")).await;
        caller.call(&format!("start_stream('{ID_2}', p_holder => 'page-2')")).await.unwrap();
        let mut caller = db.caller(who).await;
        // Alive, but not for long enough.
        sweeper_alive_for(&db, 60).await;
        caller.call(&call).await.unwrap();
        assert_eq!(status(&db, ID).await, json!("live"), "{call}");
        // Long enough, but it has just run.
        run(&db, "update streamkeeper.sweeper set alive_since = now() - interval '1 hour'").await;
        caller.call(&call).await.unwrap();
        assert_eq!(status(&db, ID).await, json!("live"), "{call}");
        sweeper_alive_for(&db, 3600).await;
        caller.call(&call).await.unwrap();
        assert_eq!(status(&db, ID).await, json!("ended"), "{call}");
        let role = db.caller(Who::Service).await.call("(select role from end_attempts)").await.unwrap();
        assert_eq!(role, json!(who.role()), "{call}");
    }
}

#[tokio::test]
async fn what_nobody_holds_is_not_on_the_list() {
    let db = TestDatabase::new().await;
    lapsed(&db, ID, &[("page-1", 90, 50)]).await;
    lapsed(&db, ID_2, &[("page-1", 90, -50)]).await;
    sweeper_alive_for(&db, 3600).await;
    let list = db.caller(Who::Anon).await.rows("list_active_streams()").await.unwrap();
    assert_eq!((list.as_array().unwrap().len(), &list[0]["stream_id"]), (1, &json!(ID_2)));
}

#[tokio::test]
async fn the_list_works_in_a_transaction_that_may_only_read() {
    let db = TestDatabase::new().await;
    lapsed(&db, ID, &[("page-1", 90, 50)]).await;
    sweeper_alive_for(&db, 3600).await;
    let mut anon = db.caller(Who::Anon).await;
    anon.execute("begin read only").await.unwrap();
    let list = anon.rows("list_active_streams()").await.unwrap();
    assert_eq!(list[0]["stream_id"], ID);
    anon.execute("commit").await.unwrap();
    let mut service = db.caller(Who::Service).await;
    service.execute("begin read only").await.unwrap();
    assert_eq!(code(service.call("sweep()").await), "25006");
}

#[tokio::test]
async fn a_start_without_a_holder_neither_holds_nor_is_swept_from_under_its_own_answer() {
    let db = TestDatabase::new().await;
    let mut owner = lapsed(&db, ID, &[("page-1", 90, 50)]).await;
    sweeper_alive_for(&db, 3600).await;
    assert_eq!(owner.call(&format!("start_stream('{ID}')")).await.unwrap()["status"], "live");
    assert_eq!(status(&db, ID).await, json!("live"));
    assert_eq!(sweep(&db).await, swept(1, 0));
}

#[tokio::test]
async fn a_touch_of_a_stream_that_nobody_has_ended_yet_keeps_it() {
    let db = TestDatabase::new().await;
    let mut owner = lapsed(&db, ID, &[("page-1", 90, 50)]).await;
    sweeper_alive_for(&db, 3600).await;
    assert_eq!(owner.call(&format!("touch_stream('{ID}', 'page-1')")).await.unwrap()["status"], "live");
    assert_eq!(sweep(&db).await, swept(0, 0));
}

#[tokio::test]
async fn sweepers_wait_neither_for_each_other_nor_for_hosts() {
    let db = TestDatabase::new().await;
    lapsed(&db, ID, &[("page-1", 90, 50)]).await;
    lapsed(&db, ID_2, &[("page-1", 90, 50)]).await;
    sweeper_alive_for(&db, 3600).await;
    let mut host = db.caller(Who::User("owner")).await;
    host.execute("begin").await.unwrap();
    // Renews the first stream, and is the sweeper on its way: the second one is ended, once this commits.
    host.call(&format!("touch_stream('{ID}', 'page-1')")).await.unwrap();
    let mut service = db.caller(Who::Service).await;
    service.execute("set lock_timeout = '1 s'").await.unwrap();
    let busy = json!({"ran": false, "ended": 0, "held_back": 0, "events_ended": 0, "events_held_back": 0});
    assert_eq!(service.call("sweep()").await.unwrap(), busy);
    assert_eq!(service.call("(select count(*) from list_active_streams())").await.unwrap(), json!(2));
    host.execute("rollback").await.unwrap();

    let mut locker = db.owner().await;
    let lock = format!("begin; select from livestreams where id = '{ID}' for update");
    raw_sql(AssertSqlSafe(lock)).execute(&mut locker).await.unwrap();
    assert_eq!(service.call("sweep()").await.unwrap(), swept(1, 0));
    assert_eq!((status(&db, ID).await, status(&db, ID_2).await), (json!("live"), json!("ended")));
    raw_sql("rollback").execute(&mut locker).await.unwrap();
    assert_eq!(service.call("sweep()").await.unwrap(), swept(1, 0));
}

/// Waits until this many calls in this database wait for a lock.
async fn until_waiting(db: &TestDatabase, calls: i64) {
    let mut connection = db.owner().await;
    let waiting = "select count(*) from pg_stat_activity
                   where datname = current_database() and wait_event_type = 'Lock'";
    while sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut connection).await.unwrap() != calls {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_touch_that_comes_while_a_sweeper_looks_around_wins() {
    let db = TestDatabase::new().await;
    let mut owner = lapsed(&db, ID, &[("page-1", 90, 50)]).await;
    sweeper_alive_for(&db, 3600).await;
    // Looking takes until lock 1 is free.
    run(
        &db,
        "create or replace function streamkeeper.has_lapsed(
           p_lease streamkeeper.leases, p_now timestamptz, p_alive_since timestamptz
         ) returns boolean language plpgsql set search_path = '' as $$
           begin perform pg_advisory_xact_lock_shared(1); return p_lease.lease_until < p_now; end $$",
    )
    .await;
    let mut gate = db.owner().await;
    sqlx::query("select pg_advisory_lock(1)").execute(&mut gate).await.unwrap();
    let (answer, ()) = tokio::join!(sweep(&db), async {
        until_waiting(&db, 1).await;
        let touched = owner.call(&format!("touch_stream('{ID}', 'page-1')")).await.unwrap();
        assert_eq!(touched["status"], "live");
        sqlx::query("select pg_advisory_unlock(1)").execute(&mut gate).await.unwrap();
    });
    assert_eq!(answer, swept(0, 0));
    assert_eq!(status(&db, ID).await, json!("live"));
}

#[tokio::test]
async fn a_touch_that_comes_while_a_sweeper_ends_the_stream_sees_that_it_has_ended() {
    let db = TestDatabase::new().await;
    let mut owner = lapsed(&db, ID, &[("page-1", 90, 50)]).await;
    sweeper_alive_for(&db, 3600).await;
    let mut sweeper = db.caller(Who::Service).await;
    sweeper.execute("begin").await.unwrap();
    assert_eq!(sweeper.call("sweep()").await.unwrap(), swept(1, 0));
    let touch = format!("touch_stream('{ID}', 'page-1')");
    let (touched, ()) = tokio::join!(owner.call(&touch), async {
        until_waiting(&db, 1).await;
        sweeper.execute("commit").await.unwrap();
    });
    assert_eq!(touched.unwrap(), json!({"success": true, "status": "ended", "lease_until": null}));
    assert_eq!(count(&db, "streamkeeper.leases").await, json!(0));
    assert_eq!(count(&db, "end_attempts").await, json!(1));
}

#[tokio::test]
async fn of_touches_and_sweeps_that_race_one_side_wins_and_the_other_sees_it() {
    const STREAMS: usize = 48;
    let db = TestDatabase::new().await;
    let ids: Vec<String> = (0..STREAMS).map(|n| format!("00000000-0000-4000-8000-{n:012}")).collect();
    for id in &ids {
        lapsed(&db, id, &[("page-0", 90, 50)]).await;
    }
    sweeper_alive_for(&db, 3600).await;
    let barrier = Arc::new(Barrier::new(16));
    let (mut touching, mut sweeping) = (Vec::new(), Vec::new());
    for n in 0..8 {
        let (mut caller, barrier, mut order) = (db.caller(Who::User("owner")).await, Arc::clone(&barrier), ids.clone());
        order.rotate_left(n * STREAMS / 8);
        touching.push(tokio::spawn(async move {
            barrier.wait().await;
            let mut answers = Vec::new();
            for id in order {
                let touch = format!("touch_stream('{id}', 'page-{n}')");
                let status = caller.call(&touch).await.unwrap()["status"].as_str().unwrap().to_owned();
                answers.push((id, status));
            }
            answers
        }));
    }
    for _ in 0..8 {
        let (mut caller, barrier) = (db.caller(Who::Service).await, Arc::clone(&barrier));
        sweeping.push(tokio::spawn(async move {
            barrier.wait().await;
            let mut ended = 0;
            for _ in 0..12 {
                ended += caller.call("sweep()").await.unwrap()["ended"].as_u64().unwrap();
            }
            ended
        }));
    }
    let mut answers: Vec<(String, String)> = Vec::new();
    for task in touching {
        answers.extend(task.await.unwrap());
    }
    let mut ended = 0;
    for task in sweeping {
        ended += task.await.unwrap();
    }
    // Once the first touch has won, all have; once a sweep has, no touch does.
    for (id, answer) in answers {
        assert_eq!(status(&db, &id).await, json!(answer), "{id}");
    }
    let live = count(&db, "livestreams where is_live").await.as_u64().unwrap();
    assert_eq!(count(&db, "end_attempts").await, json!(STREAMS as u64 - live));
    assert!(ended <= STREAMS as u64 - live, "{ended}: lazy sweeps end some of them");
    let half = "livestreams s where s.is_live
        <> exists (select from streamkeeper.leases l where l.subject = s.id::text and l.lease_until > now())";
    assert_eq!(count(&db, half).await, json!(0));
}

#[tokio::test]
async fn a_sweep_reads_what_has_lapsed_by_index() {
    let db = TestDatabase::new().await;
    let mut owner = db.owner().await;
    raw_sql(
        "insert into livestreams (streamer_id, status, started_at, last_seen_at)
         select 'user-' || n, 'live', now() - interval '1 hour', now() from generate_series(1, 20000) n;
         insert into streamkeeper.leases (kind, subject, holder, lease_seconds, lease_until)
         select 'host', id::text, 'page-1', 90, now() + interval '1 hour' from livestreams;
         update streamkeeper.leases set lease_until = now() - interval '50 s'
         where subject in (select id::text from livestreams where substr(streamer_id, 6)::int <= 100);
         update streamkeeper.leases set lease_until = now() - interval '70 s'
         where subject in (select id::text from livestreams where substr(streamer_id, 6)::int between 31 and 40);
         analyze livestreams, streamkeeper.leases;",
    )
    .execute(&mut owner)
    .await
    .unwrap();
    let plan: Vec<String> = sqlx::query_scalar(
        "explain select l.subject from streamkeeper.leases l where l.kind = 'host' and l.lease_until < now()
           and not exists (
             select from streamkeeper.leases good
             where good.kind = 'host' and good.subject = l.subject and good.lease_until >= now()
           )",
    )
    .fetch_all(&mut owner)
    .await
    .unwrap();
    assert!(plan.join("\n").contains("leases_by_deadline"), "{plan:#?}");
    sweeper_alive_for(&db, 3600).await;
    // On the way of another call only a few of them.
    db.caller(Who::Anon).await.call("(select count(*) from list_active_streams())").await.unwrap();
    assert_eq!(count(&db, "end_attempts").await, json!(10));
    assert_eq!(count(&db, "livestreams where ended_at < now() - interval '65 s'").await, json!(10), "the oldest ones");
    sweeper_alive_for(&db, 3600).await;
    assert_eq!(sweep(&db).await, swept(90, 0));
}

#[tokio::test]
async fn cron_jobs_are_scheduled_where_there_is_cron_and_nothing_happens_elsewhere() {
    let db = TestDatabase::new().await;
    let mut owner = db.owner().await;
    let schedule = || sqlx::query_scalar::<_, bool>("select streamkeeper.schedule_jobs()");
    assert!(!schedule().fetch_one(&mut owner).await.unwrap());
    // What pg_cron looks like from here.
    raw_sql(
        "create schema cron;
         create table cron.job (jobname text primary key, schedule text, command text);
         create function cron.schedule(text, text, text) returns bigint language sql as $$
           insert into cron.job values ($1, $2, $3)
           on conflict (jobname) do update set schedule = $2, command = $3 returning 1::bigint $$;
         insert into pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
         select 99999, 'pg_cron', oid, 'cron'::regnamespace, false, '1.6' from pg_roles where rolname = current_user;",
    )
    .execute(&mut owner)
    .await
    .unwrap();
    for _ in 0..2 {
        assert!(schedule().fetch_one(&mut owner).await.unwrap());
    }
    let jobs: Vec<(String, String)> =
        sqlx::query_as("select schedule, command from cron.job order by jobname").fetch_all(&mut owner).await.unwrap();
    // Auto-end and the closing of chats once a day, stuck rooms once an hour, the sweeps all the time.
    let schedules: Vec<&str> = jobs.iter().map(|(schedule, _)| schedule.as_str()).collect();
    assert_eq!(schedules, ["17 4 * * *", "0 2 * * *", "7 * * * *", "15 seconds", "15 seconds"]);
    for (_, command) in jobs {
        raw_sql(AssertSqlSafe(command)).execute(&mut owner).await.unwrap();
    }
}
