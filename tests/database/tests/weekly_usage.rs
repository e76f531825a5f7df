//! Weekly usage: booked with the end of a stream, exactly, and never in its way.

use database_tests::{TestDatabase, Who, code, message};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, raw_sql};

const ID: &str = "00000000-0000-4000-8000-000000000001";
const ID_2: &str = "00000000-0000-4000-8000-000000000002";

async fn run(db: &TestDatabase, sql: &str) {
    raw_sql(AssertSqlSafe(sql)).execute(&mut db.owner().await).await.unwrap();
}

/// A stream of "owner" that has been live since then.
async fn live_since(db: &TestDatabase, id: &str, started_at: &str) {
    run(
        db,
        &format!(
            "insert into livestreams (id, streamer_id, status, started_at, last_seen_at)
             values ('{id}', 'owner', 'live', {started_at}, {started_at})"
        ),
    )
    .await;
}

/// Ends it at this time, the way in which all streams end.
async fn finish(db: &TestDatabase, id: &str, ended_at: &str) {
    run(db, &format!("select streamkeeper.finish(array['{id}']::uuid[], array[{ended_at}], null, null, null, 1)"))
        .await;
}

/// What is in the books of a stream.
async fn weeks(db: &TestDatabase, id: &str) -> Value {
    let rows = "(select user_id, week_start_date as week, seconds from weekly_usage";
    db.caller(Who::Service).await.rows(&format!("{rows} where stream_id = '{id}' order by 2)")).await.unwrap()
}

async fn rebuild(db: &TestDatabase, arguments: &str) -> Value {
    db.caller(Who::Service).await.call(&format!("rebuild_weekly_usage({arguments})")).await.unwrap()
}

/// What a rebuild says that has looked at so many streams and seconds, and inserted, updated and deleted so many rows.
fn rebuilt(streams: u32, seconds: u32, [inserted, updated, deleted]: [u32; 3]) -> Value {
    json!({
        "success": true, "streams": streams, "seconds": seconds,
        "inserted": inserted, "updated": updated, "deleted": deleted, "unknown_zones": 0,
    })
}

#[tokio::test]
async fn every_way_in_which_a_stream_ends_books_it_to_the_second() {
    let by_lease = "select streamkeeper.hold(id, 'page-1', 90) from livestreams;
                    update streamkeeper.leases set lease_until = now() - interval '50 s';
                    select pg_sleep_until(pg_postmaster_start_time() + interval '6 s');
                    update streamkeeper.sweeper set alive_since = now() - interval '1 hour',
                      last_run_at = greatest(now() - interval '20 s', pg_postmaster_start_time())";
    for (who, before, call) in [
        (Who::User("owner"), "", format!("end_stream_comprehensive('{ID}')")),
        (Who::User("owner"), "", "end_stream_comprehensive(p_streamer_id => 'owner')".into()),
        (Who::Admin("admin"), "", "end_stream_comprehensive(p_force_end_all => true)".into()),
        (Who::User("owner"), "", format!("touch_stream('{ID}', 'page-1', 0)")),
        (Who::User("owner"), "", "end_stream_on_user_disconnect('owner')".into()),
        (Who::Service, "", "auto_end_inactive_streams()".into()),
        (Who::Service, by_lease, "sweep()".into()),
        (Who::Anon, by_lease, "(select count(*) from list_active_streams())".into()),
    ] {
        let db = TestDatabase::new().await;
        live_since(&db, ID, "now() - interval '10 days 0.7 s'").await;
        run(&db, before).await;
        db.caller(who).await.call(&call).await.unwrap();
        let stream = db.caller(Who::Service).await.call(&format!("get_stream_status('{ID}')")).await.unwrap();
        assert_eq!(stream["status"], "ended", "{call}");
        let booked = weeks(&db, ID).await;
        let seconds: i64 = booked.as_array().unwrap().iter().map(|week| week["seconds"].as_i64().unwrap()).sum();
        assert_eq!(json!(seconds), stream["duration_seconds"], "{call}");
        assert!(booked.as_array().unwrap().iter().all(|week| week["user_id"] == "owner"), "{call}");
        // Whoever ends it once more books nothing.
        db.caller(Who::Service).await.call(&format!("end_stream_comprehensive('{ID}')")).await.unwrap();
        assert_eq!(weeks(&db, ID).await, booked, "{call}");
    }
}

#[tokio::test]
async fn a_stream_is_split_at_monday_in_its_users_own_zone() {
    for (zone, first_week) in
        [(None, 7200), (Some("UTC"), 7200), (Some("Europe/Berlin"), 3600), (Some("Asia/Tokyo"), 0)]
    {
        let db = TestDatabase::new().await;
        if let Some(zone) = zone {
            run(&db, &format!("insert into app_users (user_id, time_zone) values ('owner', '{zone}')")).await;
        }
        live_since(&db, ID, "timestamptz '2026-02-01 22:00Z'").await;
        finish(&db, ID, "timestamptz '2026-02-02 02:00Z'").await;
        let mut expected = vec![json!({"user_id": "owner", "week": "2026-02-02", "seconds": 14400 - first_week})];
        if first_week > 0 {
            expected.insert(0, json!({"user_id": "owner", "week": "2026-01-26", "seconds": first_week}));
        }
        assert_eq!(weeks(&db, ID).await, json!(expected), "{zone:?}");
    }
}

#[tokio::test]
async fn a_stream_through_the_change_of_clocks_is_as_long_as_it_was() {
    let db = TestDatabase::new().await;
    run(&db, "insert into app_users (user_id, time_zone) values ('owner', 'Europe/Berlin')").await;
    for (id, from, to, week, seconds) in [
        (ID, "2026-03-22 23:00Z", "2026-03-29 22:00Z", "2026-03-23", 167 * 3600),
        (ID_2, "2026-10-18 22:00Z", "2026-10-25 23:00Z", "2026-10-19", 169 * 3600),
    ] {
        live_since(&db, id, &format!("timestamptz '{from}'")).await;
        finish(&db, id, &format!("timestamptz '{to}'")).await;
        assert_eq!(weeks(&db, id).await, json!([{"user_id": "owner", "week": week, "seconds": seconds}]));
    }
}

#[tokio::test]
async fn what_was_never_live_is_not_in_the_books_nor_is_less_than_a_second() {
    let db = TestDatabase::new().await;
    run(&db, &format!("insert into livestreams (id, streamer_id) values ('{ID}', 'owner')")).await;
    db.caller(Who::User("owner")).await.call(&format!("end_stream_comprehensive('{ID}')")).await.unwrap();
    live_since(&db, ID_2, "timestamptz '2026-02-01 22:00Z'").await;
    finish(&db, ID_2, "timestamptz '2026-02-01 22:00:00.999999Z'").await;
    assert_eq!((weeks(&db, ID).await, weeks(&db, ID_2).await), (json!([]), json!([])));
    assert_eq!(rebuild(&db, "").await, rebuilt(1, 0, [0, 0, 0]));
}

#[tokio::test]
async fn nothing_that_is_wrong_with_the_books_keeps_a_stream_from_ending() {
    for (what, damage, repair) in [
        (
            "a trigger fails",
            "create function no() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
             create trigger no before insert on weekly_usage for each row execute function no()",
            "drop trigger no on weekly_usage",
        ),
        (
            "a check fails",
            "alter table weekly_usage add constraint no check (seconds < 0)",
            "alter table weekly_usage drop constraint no",
        ),
        ("the table is away", "alter table weekly_usage rename to away", "alter table away rename to weekly_usage"),
        (
            "the zone cannot be found out",
            "alter table app_users rename column time_zone to away",
            "alter table app_users rename column away to time_zone",
        ),
        (
            "the stream never began",
            "alter table livestreams drop constraint livestreams_times_in_order;
             update livestreams set started_at = '-infinity'",
            "update livestreams set started_at = ended_at - interval '1 hour'",
        ),
    ] {
        let db = TestDatabase::new().await;
        live_since(&db, ID, "now() - interval '1 hour'").await;
        run(&db, damage).await;
        let ended =
            db.caller(Who::User("owner")).await.call(&format!("end_stream_comprehensive('{ID}')")).await.unwrap();
        assert_eq!(ended["status"], "ended", "{what}");
        let trail = db.caller(Who::Service).await.call("(select count(*) from end_attempts)").await.unwrap();
        assert_eq!(trail, json!(1), "{what}");
        run(&db, repair).await;
        assert_eq!(weeks(&db, ID).await, json!([]), "{what}");
        // What is missing is made up for.
        let seconds = rebuild(&db, "").await["seconds"].as_i64().unwrap();
        assert!(seconds >= 3600, "{what}: {seconds}");
    }
}

#[tokio::test]
async fn an_end_does_not_wait_for_the_books() {
    let db = TestDatabase::new().await;
    live_since(&db, ID, "now() - interval '1 hour'").await;
    let mut reader = db.owner().await;
    raw_sql("begin; lock table weekly_usage").execute(&mut reader).await.unwrap();
    // The reader goes on reading until the stream has ended.
    let mut owner = db.caller(Who::User("owner")).await;
    owner.execute("set statement_timeout = '1 min'").await.unwrap();
    assert_eq!(owner.call(&format!("end_stream_comprehensive('{ID}')")).await.unwrap()["status"], "ended");
    raw_sql("commit").execute(&mut reader).await.unwrap();
    assert_eq!(weeks(&db, ID).await, json!([]));
    assert_ne!(rebuild(&db, "").await["inserted"], json!(0));
}

#[tokio::test]
async fn a_zone_that_nobody_knows_is_utc_until_it_is_put_right() {
    let db = TestDatabase::new().await;
    run(&db, "insert into app_users (user_id, time_zone) values ('owner', 'Europe/Atlantis')").await;
    live_since(&db, ID, "timestamptz '2026-02-01 22:00Z'").await;
    finish(&db, ID, "timestamptz '2026-02-02 02:00Z'").await;
    let in_utc = weeks(&db, ID).await;
    assert_eq!((&in_utc[0]["seconds"], &in_utc[1]["seconds"]), (&json!(7200), &json!(7200)));
    assert_eq!(rebuild(&db, "").await["unknown_zones"], 1);
    run(&db, "update app_users set time_zone = 'Asia/Tokyo'").await;
    assert_eq!(rebuild(&db, "").await, rebuilt(1, 14400, [0, 1, 1]));
    assert_eq!(weeks(&db, ID).await, json!([{"user_id": "owner", "week": "2026-02-02", "seconds": 14400}]));
}

#[tokio::test]
async fn a_rebuild_puts_right_what_is_wrong_counts_it_truly_and_a_second_one_finds_nothing() {
    let db = TestDatabase::new().await;
    for (id, from, to) in
        [(ID, "2026-02-01 22:00Z", "2026-02-02 02:00Z"), (ID_2, "2026-02-09 10:00Z", "2026-02-09 11:00Z")]
    {
        live_since(&db, id, &format!("timestamptz '{from}'")).await;
        finish(&db, id, &format!("timestamptz '{to}'")).await;
    }
    let (truth, truth_2) = (weeks(&db, ID).await, weeks(&db, ID_2).await);
    assert_eq!(rebuild(&db, "").await, rebuilt(2, 18000, [0, 0, 0]));
    for (damage, counts) in [
        ("delete from weekly_usage where week_start_date = '2026-01-26'", [1, 0, 0]),
        ("update weekly_usage set seconds = seconds / 60 * 60 + 1", [0, 3, 0]),
        ("update weekly_usage set user_id = 'other'", [0, 3, 0]),
        (
            "insert into weekly_usage select distinct stream_id, date '2026-06-01', 'owner', 5 from weekly_usage",
            [0, 0, 2],
        ),
        ("update weekly_usage set week_start_date = week_start_date - 21", [3, 0, 3]),
        ("delete from weekly_usage", [3, 0, 0]),
    ] {
        run(&db, damage).await;
        assert_eq!(rebuild(&db, "").await, rebuilt(2, 18000, counts), "{damage}");
        assert_eq!((weeks(&db, ID).await, weeks(&db, ID_2).await), (truth.clone(), truth_2.clone()), "{damage}");
        assert_eq!(rebuild(&db, "").await, rebuilt(2, 18000, [0, 0, 0]), "{damage}");
    }
}

#[tokio::test]
async fn a_rebuild_of_a_range_is_of_the_streams_that_were_live_in_it_as_a_whole() {
    let db = TestDatabase::new().await;
    live_since(&db, ID, "timestamptz '2026-02-01 22:00Z'").await;
    finish(&db, ID, "timestamptz '2026-02-02 02:00Z'").await;
    for (range, touched) in [
        ("p_to => '2026-02-01 22:00Z'", 0),
        ("'2026-02-02 02:00Z'", 0),
        ("'2026-01-01', '2026-02-01 22:00:00.000001Z'", 2),
        ("'2026-02-01 23:00Z', '2026-02-01 23:00:01Z'", 2),
        ("'2026-02-02 01:59:59.999999Z'", 2),
    ] {
        run(&db, "delete from weekly_usage").await;
        assert_eq!(rebuild(&db, range).await["inserted"], json!(touched), "{range}");
    }
    // A row that is in the books for the range alone is looked at too.
    run(&db, &format!("insert into weekly_usage values ('{ID}', '2026-06-01', 'owner', 5)")).await;
    assert_eq!(rebuild(&db, "'2026-06-01', '2026-06-08'").await["deleted"], 1);
}

#[tokio::test]
async fn usage_outlives_its_stream_and_live_streams_have_none_yet() {
    let db = TestDatabase::new().await;
    live_since(&db, ID, "timestamptz '2026-02-01 22:00Z'").await;
    finish(&db, ID, "timestamptz '2026-02-01 23:00Z'").await;
    live_since(&db, ID_2, "now() - interval '1 hour'").await;
    run(&db, &format!("delete from livestreams where id = '{ID}'")).await;
    assert_eq!(rebuild(&db, "").await, rebuilt(0, 0, [0, 0, 0]));
    assert_eq!(weeks(&db, ID).await[0]["seconds"], 3600);
    assert_eq!(weeks(&db, ID_2).await, json!([]));
}

#[tokio::test]
async fn rebuilds_at_the_same_time_do_each_others_work_once() {
    let db = TestDatabase::new().await;
    run(
        &db,
        "insert into livestreams (streamer_id, status, started_at, last_seen_at, ended_at)
         select 'user-' || n % 7, 'ended', now() - n * interval '1 h', now(), now() from generate_series(1, 500) n",
    )
    .await;
    let mut tasks = Vec::new();
    for _ in 0..4 {
        let mut caller = db.caller(Who::Service).await;
        tasks.push(tokio::spawn(async move { caller.call("rebuild_weekly_usage()").await.unwrap() }));
    }
    let mut inserted = Vec::new();
    for task in tasks {
        inserted.push(task.await.unwrap()["inserted"].as_u64().unwrap());
    }
    let rows = db.caller(Who::Service).await.call("(select count(*) from weekly_usage)").await.unwrap();
    inserted.sort_unstable();
    assert_eq!(json!(inserted), json!([0, 0, 0, rows]));
}

#[tokio::test]
async fn a_rebuild_is_for_admins_and_its_range_goes_forwards() {
    let db = TestDatabase::new().await;
    for who in [Who::Anon, Who::User("owner")] {
        assert_eq!(code(db.caller(who).await.call("rebuild_weekly_usage()").await), "42501", "{who:?}");
    }
    let mut admin = db.caller(Who::Admin("admin")).await;
    admin.call("rebuild_weekly_usage(null, null)").await.unwrap();
    admin.execute("set timezone = 'UTC'").await.unwrap();
    for (range, given) in [
        ("'2026-02-02', '2026-02-02'", "2026-02-02 00:00:00+00 and p_to is 2026-02-02 00:00:00+00"),
        ("'2026-02-02', '2026-02-01'", "2026-02-02 00:00:00+00 and p_to is 2026-02-01 00:00:00+00"),
        ("'infinity'", "infinity and p_to is infinity"),
        ("p_to => '-infinity'", "-infinity and p_to is -infinity"),
    ] {
        let call = format!("rebuild_weekly_usage({range})");
        assert_eq!(code(admin.call(&call).await), "22023", "{range}");
        assert_eq!(message(admin.call(&call).await), format!("p_from is {given}; p_from must be before p_to"));
    }
}

#[tokio::test]
async fn users_read_their_own_usage_admins_all_and_nobody_writes_it() {
    let db = TestDatabase::new().await;
    for (id, user) in [(ID, "owner"), (ID_2, "owner"), ("00000000-0000-4000-8000-000000000003", "other")] {
        run(&db, &format!("insert into weekly_usage values ('{id}', '2026-02-02', '{user}', 60)")).await;
    }
    let total = |user, streams| json!({"user_id": user, "week_start_date": "2026-02-02", "seconds": streams * 60, "streams": streams});
    for (who, rows, totals) in [
        (Who::User("owner"), 2, json!([total("owner", 2)])),
        (Who::User("other"), 1, json!([total("other", 1)])),
        (Who::User("third"), 0, json!([])),
        (Who::Admin("admin"), 3, json!([total("other", 1), total("owner", 2)])),
        (Who::Service, 3, json!([total("other", 1), total("owner", 2)])),
    ] {
        let mut caller = db.caller(who).await;
        assert_eq!(caller.call("(select count(*) from weekly_usage)").await.unwrap(), json!(rows), "{who:?}");
        let read = caller.rows("(select * from weekly_usage_totals order by user_id)").await.unwrap();
        assert_eq!(read, totals, "{who:?}");
        for sql in [
            "insert into weekly_usage values (gen_random_uuid(), '2026-02-02', 'owner', 1)",
            "update weekly_usage set seconds = 1",
            "delete from weekly_usage",
            "truncate weekly_usage",
        ] {
            assert_eq!(code(caller.execute(sql).await), "42501", "{who:?}: {sql}");
        }
    }
    for table in ["weekly_usage", "weekly_usage_totals"] {
        assert_eq!(code(db.caller(Who::Anon).await.rows(table).await), "42501", "{table}");
    }
}

#[tokio::test]
async fn the_books_take_nothing_that_makes_no_sense() {
    let db = TestDatabase::new().await;
    for values in
        ["'2026-02-03', 'owner', 1", "'2026-02-02', '', 1", "'2026-02-02', 'owner', 0", "'2026-02-02', 'owner', -1"]
    {
        let sql = format!("insert into weekly_usage values (gen_random_uuid(), {values})");
        assert_eq!(code(raw_sql(AssertSqlSafe(sql)).execute(&mut db.owner().await).await), "23514", "{values}");
    }
}
