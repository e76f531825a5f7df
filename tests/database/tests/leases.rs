//! `touch_stream`, holders, and the ends that respect them.

use database_tests::{Caller, TestDatabase, Who, code, message};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, raw_sql};

const ID: &str = "00000000-0000-4000-8000-000000000001";
const ID_2: &str = "00000000-0000-4000-8000-000000000002";
const ID_3: &str = "00000000-0000-4000-8000-000000000003";

async fn run(db: &TestDatabase, sql: &str) {
    raw_sql(AssertSqlSafe(sql)).execute(&mut db.owner().await).await.unwrap();
}

/// A sweeper that ran 20 s ago, and has been alive for an hour. (A server that has just been started is given the time
/// to have had a last run.)
async fn sweeper_is_alive(db: &TestDatabase) {
    run(
        db,
        "select pg_sleep_until(pg_postmaster_start_time() + interval '6 s');
         update streamkeeper.sweeper set alive_since = now() - interval '1 hour',
           last_run_at = greatest(now() - interval '20 s', pg_postmaster_start_time())",
    )
    .await;
}

/// Takes the stream live, held by this page if one is named.
async fn live(db: &TestDatabase, id: &str, holder: Option<&str>) -> Caller {
    let mut owner = db.caller(Who::User("owner")).await;
    let holder = holder.map_or("null".to_owned(), |holder| format!("'{holder}'"));
    owner.call(&format!("start_stream('{id}', null, {holder})")).await.unwrap();
    owner
}

async fn touch(caller: &mut Caller, id: &str, holder: &str, seconds: i32) -> Value {
    caller.call(&format!("touch_stream('{id}', '{holder}', {seconds})")).await.unwrap()
}

/// All leases, by stream and holder: which stream, who, for how long, and how many seconds are left.
async fn leases(db: &TestDatabase) -> Value {
    let rows = "(select subject, holder, lease_seconds, round(extract(epoch from lease_until - now()), -1)::int as left
                 from streamkeeper.leases where kind = 'host' order by subject, holder)";
    db.caller(Who::Service).await.rows(rows).await.unwrap()
}

async fn row(db: &TestDatabase, id: &str) -> Value {
    db.caller(Who::Service).await.rows(&format!("(select * from livestreams where id = '{id}')")).await.unwrap()[0]
        .clone()
}

async fn trail(db: &TestDatabase) -> Value {
    let rows = "(select stream_id, actor, role, reason, holder, attempt, outcome from end_attempts order by id)";
    db.caller(Who::Service).await.rows(rows).await.unwrap()
}

/// The lease of this holder was over so many seconds ago.
async fn lapse(db: &TestDatabase, holder: &str, seconds: u32) {
    run(
        db,
        &format!(
            "update streamkeeper.leases set lease_until = now() - interval '{seconds} s' where holder = '{holder}'"
        ),
    )
    .await;
}

#[tokio::test]
async fn a_start_with_a_holder_gives_it_a_lease_and_one_without_gives_none() {
    let db = TestDatabase::new().await;
    live(&db, ID, Some("page-1")).await;
    live(&db, ID_2, None).await;
    assert_eq!(leases(&db).await, json!([{"subject": ID, "holder": "page-1", "lease_seconds": 90, "left": 90}]));
    // Another page of the same host, and the first one once more: a reload.
    live(&db, ID, Some("page-2")).await;
    live(&db, ID, Some("page-1")).await;
    let holders: Vec<_> = leases(&db)
        .await
        .as_array()
        .unwrap()
        .iter()
        .map(|lease| lease["holder"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(holders, ["page-1", "page-2"]);
}

#[tokio::test]
async fn a_refused_start_holds_nothing() {
    let db = TestDatabase::new().await;
    let mut owner = live(&db, ID, None).await;
    let mut other = db.caller(Who::User("other")).await;
    assert_eq!(code(other.call(&format!("start_stream('{ID}', p_holder => 'page-1')")).await), "42501");
    owner.call(&format!("end_stream_comprehensive('{ID}')")).await.unwrap();
    assert_eq!(code(owner.call(&format!("start_stream('{ID}', p_holder => 'page-1')")).await), "PT409");
    assert_eq!(leases(&db).await, json!([]));
}

#[tokio::test]
async fn a_touch_renews_the_lease_and_shows_that_the_host_is_there() {
    let db = TestDatabase::new().await;
    let mut owner = live(&db, ID, None).await;
    run(&db, "update livestreams set started_at = now() - interval '1 hour', last_seen_at = now() - interval '1 hour'")
        .await;
    let first = owner.call(&format!("touch_stream('{ID}', 'page-1')")).await.unwrap();
    assert_eq!((&first["success"], &first["status"]), (&json!(true), &json!("live")));
    assert_eq!(first.as_object().unwrap().len(), 3, "{first}");
    assert_eq!(leases(&db).await[0]["left"], 90, "the default");
    let until = owner.call("(select lease_until from streamkeeper.leases)").await;
    assert_eq!(code(until), "42501", "the table itself is not for users");
    let until = db.caller(Who::Service).await.call("(select lease_until from streamkeeper.leases)").await.unwrap();
    assert_eq!(first["lease_until"], until);
    let seen = "(select now() - last_seen_at < interval '10 s' from livestreams)";
    assert_eq!(owner.call(seen).await.unwrap(), json!(true));
    // Longer, and shorter again: the last word counts.
    for seconds in [900, 30] {
        touch(&mut owner, ID, "page-1", seconds).await;
        let expected = json!([{"subject": ID, "holder": "page-1", "lease_seconds": seconds, "left": seconds}]);
        assert_eq!(leases(&db).await, expected);
    }
}

#[tokio::test]
async fn a_touch_of_what_is_not_live_says_so_and_changes_nothing() {
    let db = TestDatabase::new().await;
    let mut owner = live(&db, ID, Some("page-1")).await;
    owner.call(&format!("end_stream_comprehensive('{ID}')")).await.unwrap();
    run(&db, &format!("insert into livestreams (id, streamer_id) values ('{ID_2}', 'owner')")).await;
    let (ended, scheduled, attempts) = (row(&db, ID).await, row(&db, ID_2).await, trail(&db).await);
    for seconds in [0, 90] {
        assert_eq!(
            touch(&mut owner, ID, "page-1", seconds).await,
            json!({"success": true, "status": "ended", "lease_until": null})
        );
        assert_eq!(
            touch(&mut owner, ID_2, "page-1", seconds).await,
            json!({"success": true, "status": "scheduled", "lease_until": null})
        );
        let unknown = json!({"success": false, "status": "not_found", "lease_until": null});
        assert_eq!(touch(&mut owner, ID_3, "page-1", seconds).await, unknown);
        assert_eq!(owner.call("touch_stream(null, 'page-1')").await.unwrap(), unknown);
    }
    assert_eq!(leases(&db).await, json!([]));
    assert_eq!((row(&db, ID).await, row(&db, ID_2).await, trail(&db).await), (ended, scheduled, attempts));
}

#[tokio::test]
async fn arguments_have_bounds_and_the_error_names_argument_and_bound() {
    let db = TestDatabase::new().await;
    let mut owner = live(&db, ID, None).await;
    for seconds in ["900", "1", "0"] {
        owner.call(&format!("touch_stream('{ID}', repeat('ä', 100), {seconds})")).await.unwrap();
    }
    let mut owner_2 = live(&db, ID_2, None).await;
    for (arguments, expected) in [
        ("'page-1', -1", "p_lease_seconds is -1; it must be between 0 and 900"),
        ("'page-1', 901", "p_lease_seconds is 901; it must be between 0 and 900"),
        ("'page-1', 864000", "p_lease_seconds is 864000; it must be between 0 and 900"),
        ("'page-1', null", "p_lease_seconds is null; it must be between 0 and 900"),
        ("''", "p_holder is empty; it must have 1 to 100 characters"),
        ("null", "p_holder is null; it must have 1 to 100 characters"),
        ("repeat('ä', 101)", "p_holder is 101 characters long; at most 100 are allowed"),
    ] {
        let call = format!("touch_stream('{ID_2}', {arguments})");
        assert_eq!(code(owner_2.call(&call).await), "22023", "{arguments}");
        assert_eq!(message(owner_2.call(&call).await), expected);
    }
    assert_eq!(
        message(owner_2.call("start_stream(p_holder => '')").await),
        "p_holder is empty; it must have 1 to 100 characters"
    );
    for (arguments, expected) in [
        ("null", "p_streamer_id is null; it must name a user"),
        ("repeat('x', 201)", "p_streamer_id is 201 characters long; at most 200 are allowed"),
        ("'owner', -1", "p_grace_seconds is -1; it must be between 0 and 86400"),
        ("'owner', 86401", "p_grace_seconds is 86401; it must be between 0 and 86400"),
        ("'owner', null", "p_grace_seconds is null; it must be between 0 and 86400"),
    ] {
        let call = format!("end_stream_on_user_disconnect({arguments})");
        assert_eq!(code(owner_2.call(&call).await), "22023", "{arguments}");
        assert_eq!(message(owner_2.call(&call).await), expected);
    }
    assert_eq!(row(&db, ID_2).await["status"], "live");
    assert_eq!(leases(&db).await, json!([]));
}

#[tokio::test]
async fn the_goodbye_of_the_only_holder_ends_the_stream_at_once() {
    let db = TestDatabase::new().await;
    let mut owner = live(&db, ID, Some("page-1")).await;
    let goodbye = touch(&mut owner, ID, "page-1", 0).await;
    assert_eq!(goodbye, json!({"success": true, "status": "ended", "lease_until": null}));
    let ended = row(&db, ID).await;
    assert_eq!((&ended["status"], &ended["end_reason"]), (&json!("ended"), &json!("left")));
    assert!(ended["ended_at"].as_str() >= ended["last_seen_at"].as_str(), "{ended}");
    assert_eq!(
        trail(&db).await,
        json!([{"stream_id": ID, "actor": "owner", "role": "authenticated", "reason": "left", "holder": "page-1", "attempt": 1, "outcome": "ended"}])
    );
    assert_eq!(leases(&db).await, json!([]));
    // Said once more, because the answer got lost.
    assert_eq!(touch(&mut owner, ID, "page-1", 0).await, goodbye);
    assert_eq!(row(&db, ID).await, ended);
}

#[tokio::test]
async fn a_goodbye_to_a_stream_that_nobody_ever_held_ends_it() {
    let db = TestDatabase::new().await;
    let mut owner = live(&db, ID, None).await;
    assert_eq!(touch(&mut owner, ID, "page-1", 0).await["status"], "ended");
}

#[tokio::test]
async fn a_leave_of_one_holder_never_ends_what_another_holds() {
    let db = TestDatabase::new().await;
    let mut owner = live(&db, ID, Some("page-1")).await;
    touch(&mut owner, ID, "phone", 300).await;
    for _ in 0..2 {
        let goodbye = touch(&mut owner, ID, "page-1", 0).await;
        assert_eq!(goodbye["status"], "live");
        assert!(goodbye["lease_until"].is_string(), "{goodbye}");
    }
    assert_eq!(row(&db, ID).await["ended_at"], Value::Null);
    assert_eq!(trail(&db).await, json!([]));
    assert_eq!(touch(&mut owner, ID, "phone", 0).await["status"], "ended");
    assert_eq!(trail(&db).await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn whoever_has_left_may_come_back_while_the_stream_is_live() {
    let db = TestDatabase::new().await;
    let mut owner = live(&db, ID, Some("page-1")).await;
    touch(&mut owner, ID, "phone", 90).await;
    touch(&mut owner, ID, "page-1", 0).await;
    touch(&mut owner, ID, "page-1", 90).await;
    assert_eq!(touch(&mut owner, ID, "phone", 0).await["status"], "live");
    assert_eq!(touch(&mut owner, ID, "page-1", 0).await["status"], "ended");
}

#[tokio::test]
async fn a_goodbye_waits_for_no_holder_that_is_over_but_for_one_that_could_not_renew() {
    let db = TestDatabase::new().await;
    let mut owner = live(&db, ID, Some("page-1")).await;
    live(&db, ID, Some("phone")).await;
    sweeper_is_alive(&db).await;
    lapse(&db, "phone", 10).await;
    // After an outage the phone has not had its time yet.
    run(&db, "update streamkeeper.sweeper set last_run_at = now() - interval '151 s'").await;
    assert_eq!(touch(&mut owner, ID, "page-1", 0).await["status"], "live");
    sweeper_is_alive(&db).await;
    assert_eq!(touch(&mut owner, ID, "page-1", 0).await["status"], "ended");
}

#[tokio::test]
async fn leases_that_are_over_do_not_pile_up() {
    let db = TestDatabase::new().await;
    let mut owner = live(&db, ID, Some("page-1")).await;
    for page in 2..6 {
        touch(&mut owner, ID, &format!("page-{page}"), 30).await;
    }
    sweeper_is_alive(&db).await;
    run(&db, "update streamkeeper.leases set lease_until = now() - interval '10 s' where holder <> 'page-5'").await;
    touch(&mut owner, ID, "page-6", 90).await;
    let holders: Vec<_> = leases(&db)
        .await
        .as_array()
        .unwrap()
        .iter()
        .map(|lease| lease["holder"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(holders, ["page-5", "page-6"]);
}

#[tokio::test]
async fn an_explicit_end_ends_whoever_holds_and_every_end_takes_the_leases() {
    for (who, end) in [
        (Who::User("owner"), format!("end_stream_comprehensive('{ID}', p_holder => 'page-1')")),
        (Who::User("owner"), "end_stream_comprehensive(p_streamer_id => 'owner')".to_owned()),
        (Who::Admin("admin"), "end_stream_comprehensive(p_force_end_all => true)".to_owned()),
        (Who::Service, format!("end_stream_comprehensive('{ID}')")),
    ] {
        let db = TestDatabase::new().await;
        let mut owner = live(&db, ID, Some("page-1")).await;
        touch(&mut owner, ID, "phone", 900).await;
        db.caller(who).await.call(&end).await.unwrap();
        assert_eq!(row(&db, ID).await["status"], "ended", "{end}");
        assert_eq!(leases(&db).await, json!([]), "{end}");
        assert_eq!(touch(&mut owner, ID, "phone", 90).await["status"], "ended", "{end}");
        assert_eq!(leases(&db).await, json!([]), "{end}");
    }
}

#[tokio::test]
async fn leases_of_other_streams_stay() {
    let db = TestDatabase::new().await;
    let mut owner = live(&db, ID, Some("page-1")).await;
    live(&db, ID_2, Some("page-1")).await;
    touch(&mut owner, ID, "page-1", 0).await;
    assert_eq!(leases(&db).await, json!([{"subject": ID_2, "holder": "page-1", "lease_seconds": 90, "left": 90}]));
    assert_eq!(row(&db, ID_2).await["status"], "live");
}

#[tokio::test]
async fn a_disconnect_ends_what_nobody_holds_and_skips_what_is_held_elsewhere() {
    let db = TestDatabase::new().await;
    live(&db, ID, None).await;
    live(&db, ID_2, Some("page-1")).await;
    let mut owner = live(&db, ID_3, Some("phone")).await;
    db.caller(Who::User("other")).await.call("start_stream()").await.unwrap();
    run(&db, "insert into livestreams (streamer_id) values ('owner')").await;
    sweeper_is_alive(&db).await;
    run(&db, "update livestreams set started_at = started_at - interval '1 hour' where is_live").await;
    lapse(&db, "page-1", 10).await;
    assert_eq!(owner.call("end_stream_on_user_disconnect('owner')").await.unwrap(), json!(false));
    let statuses = "(select array_agg(status order by id) from livestreams where started_at is not null)";
    assert_eq!(owner.call(statuses).await.unwrap(), json!(["ended", "ended", "live"]));
    // What was held ended when that was over.
    let lapsed = format!("(select now() - ended_at between '9 s' and '20 s' from livestreams where id = '{ID_2}')");
    assert_eq!(owner.call(&lapsed).await.unwrap(), json!(true));
    assert_eq!(row(&db, ID).await["end_reason"], "disconnected");
    assert_eq!(leases(&db).await[0]["subject"], ID_3);

    touch(&mut owner, ID_3, "phone", 0).await;
    assert_eq!(owner.call("end_stream_on_user_disconnect('owner')").await.unwrap(), json!(true));
    assert_eq!(owner.call("(select count(*) from livestreams where status = 'scheduled')").await.unwrap(), json!(1));
    let others = "(select count(*) from livestreams where is_live)";
    assert_eq!(db.caller(Who::Service).await.call(others).await.unwrap(), json!(1));
    assert_eq!(owner.call("(select count(*) from end_attempts)").await.unwrap(), json!(3));
}

#[tokio::test]
async fn a_disconnect_of_somebody_who_has_nothing_live_is_true() {
    let db = TestDatabase::new().await;
    let mut service = db.caller(Who::Service).await;
    assert_eq!(service.call("end_stream_on_user_disconnect('nobody')").await.unwrap(), json!(true));
    assert_eq!(trail(&db).await, json!([]));
}

#[tokio::test]
async fn a_disconnect_leaves_what_was_seen_within_its_grace() {
    let db = TestDatabase::new().await;
    let mut owner = live(&db, ID, None).await;
    assert_eq!(owner.call("end_stream_on_user_disconnect('owner', 30)").await.unwrap(), json!(false));
    assert_eq!(row(&db, ID).await["status"], "live");
    run(&db, "update livestreams set started_at = now() - interval '1 h', last_seen_at = now() - interval '31 s'")
        .await;
    assert_eq!(owner.call("end_stream_on_user_disconnect('owner', 30)").await.unwrap(), json!(true));
    assert_eq!(row(&db, ID).await["status"], "ended");
}

#[tokio::test]
async fn what_nobody_ever_held_ends_after_a_day_without_its_host() {
    let db = TestDatabase::new().await;
    // The third one is held: that is for the sweeper, however long it was kept from it.
    for (id, holder, seen) in
        [(ID, None, "24 hours"), (ID_2, None, "23 hours 59 minutes"), (ID_3, Some("page-1"), "2 days")]
    {
        live(&db, id, holder).await;
        let times = format!("started_at = now() - interval '2 days', last_seen_at = now() - interval '{seen}'");
        run(&db, &format!("update livestreams set {times} where id = '{id}'")).await;
    }
    let mut service = db.caller(Who::Service).await;
    assert_eq!(service.call("auto_end_inactive_streams()").await.unwrap(), json!(1));
    assert_eq!(service.call("auto_end_inactive_streams()").await.unwrap(), json!(0));
    let ended = row(&db, ID).await;
    assert_eq!((&ended["status"], &ended["end_reason"]), (&json!("ended"), &json!("inactive")));
    // Not now: its day of silence is nobody's usage.
    let until = format!("(select ended_at - last_seen_at = interval '90 s' from livestreams where id = '{ID}')");
    assert_eq!(service.call(&until).await.unwrap(), json!(true));
    assert_eq!((&row(&db, ID_2).await["status"], &row(&db, ID_3).await["status"]), (&json!("live"), &json!("live")));
    assert_eq!(
        trail(&db).await,
        json!([{"stream_id": ID, "actor": null, "role": "service_role", "reason": "inactive", "holder": null, "attempt": 1, "outcome": "ended"}])
    );
}

#[tokio::test]
async fn a_stream_without_times_ends_too() {
    let db = TestDatabase::new().await;
    live(&db, ID, None).await;
    // A row from elsewhere, which the constraint would refuse: the fault was that a null start never ended.
    run(
        &db,
        "alter table livestreams drop constraint livestreams_times_fit_status;
         update livestreams set started_at = null, last_seen_at = null, created_at = now() - interval '25 hours'",
    )
    .await;
    assert_eq!(db.caller(Who::Service).await.call("auto_end_inactive_streams()").await.unwrap(), json!(1));
    assert_eq!(row(&db, ID).await["status"], "ended");
}

#[tokio::test]
async fn of_sixteen_goodbyes_at_once_the_last_one_ends_the_stream_and_no_other() {
    let db = TestDatabase::new().await;
    let mut owner = live(&db, ID, None).await;
    for page in 0..16 {
        touch(&mut owner, ID, &format!("page-{page}"), 90).await;
    }
    let mut tasks = Vec::new();
    for page in 0..16 {
        let mut caller = db.caller(Who::User("owner")).await;
        tasks.push(tokio::spawn(async move { touch(&mut caller, ID, &format!("page-{page}"), 0).await }));
    }
    let mut ended = 0;
    for task in tasks {
        ended += usize::from(task.await.unwrap()["status"] == "ended");
    }
    assert_eq!(ended, 1);
    assert_eq!(trail(&db).await.as_array().unwrap().len(), 1);
    assert_eq!(leases(&db).await, json!([]));
}

#[tokio::test]
async fn the_table_takes_nothing_that_makes_no_sense() {
    let db = TestDatabase::new().await;
    let mut superuser = db.owner().await;
    for (values, expected) in [
        (format!("'guest', '{ID}', 'page-1', 90"), "23514"),
        (format!("'host', '{ID}', '', 90"), "23514"),
        (format!("'host', '{ID}', 'page-1', 901"), "23514"),
        (format!("'host', '{ID}', 'page-1', -1"), "23514"),
        ("'host', 'a room', 'page-1', 90".to_owned(), "22P02"),
        ("'viewer', 'a session', 'ana', 90".to_owned(), "22P02"),
        ("'node', '', 'node-1', 90".to_owned(), "23514"),
    ] {
        let sql = format!(
            "insert into streamkeeper.leases (kind, subject, holder, lease_seconds, lease_until) values ({values}, now())"
        );
        assert_eq!(code(raw_sql(AssertSqlSafe(sql)).execute(&mut superuser).await), expected, "{values}");
    }
}
