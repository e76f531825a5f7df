//! `end_stream_comprehensive` and its audit trail.

use database_tests::{Caller, TestDatabase, Who, code, message};
use serde_json::{Value, json};

const ID: &str = "00000000-0000-4000-8000-000000000001";
const ID_2: &str = "00000000-0000-4000-8000-000000000002";
const ID_3: &str = "00000000-0000-4000-8000-000000000003";

async fn live(db: &TestDatabase, id: &str, streamer: &'static str) {
    db.caller(Who::User(streamer)).await.call(&format!("start_stream('{id}')")).await.unwrap();
}

/// The trail as the service sees it, oldest first, without ids and times.
async fn trail(db: &TestDatabase) -> Value {
    let rows = "(select stream_id, actor, role, reason, holder, attempt, outcome from end_attempts order by id)";
    db.caller(Who::Service).await.rows(rows).await.unwrap()
}

async fn end(caller: &mut Caller, arguments: &str) -> Value {
    caller.call(&format!("end_stream_comprehensive({arguments})")).await.unwrap()
}

#[tokio::test]
async fn the_first_end_ends_and_every_further_one_says_so() {
    let db = TestDatabase::new().await;
    live(&db, ID, "owner").await;
    let mut owner = db.caller(Who::User("owner")).await;
    let first = end(&mut owner, &format!("'{ID}', p_reason => 'readyToClose'")).await;
    assert_eq!(
        first,
        json!({"success": true, "status": "ended", "ended": [ID], "already_ended": [], "affected_count": 1})
    );
    let row = owner.rows("livestreams").await.unwrap();
    for _ in 0..2 {
        let again = end(&mut owner, &format!("'{ID}', p_reason => 'hangup', p_attempt => 2")).await;
        assert_eq!(
            again,
            json!({"success": true, "status": "already_ended", "ended": [], "already_ended": [ID], "affected_count": 0})
        );
    }
    // Time and reason are those of the call that ended it.
    assert_eq!(owner.rows("livestreams").await.unwrap(), row);
    assert_eq!(row[0]["end_reason"], "readyToClose");
    assert_eq!(row[0]["is_live"], false);
}

#[tokio::test]
async fn every_call_that_reached_the_database_is_on_the_trail() {
    let db = TestDatabase::new().await;
    live(&db, ID, "owner").await;
    let mut owner = db.caller(Who::User("owner")).await;
    end(&mut owner, &format!("'{ID}', p_reason => 'hangup', p_holder => 'page-1', p_attempt => 3")).await;
    end(&mut db.caller(Who::Admin("admin")).await, &format!("'{ID}'")).await;
    end(&mut db.caller(Who::Service).await, &format!("'{ID_2}'")).await;
    end(&mut owner, "p_streamer_id => 'owner'").await;
    assert_eq!(
        trail(&db).await,
        json!([
            {"stream_id": ID, "actor": "owner", "role": "authenticated", "reason": "hangup", "holder": "page-1", "attempt": 3, "outcome": "ended"},
            {"stream_id": ID, "actor": "admin", "role": "authenticated", "reason": null, "holder": null, "attempt": 1, "outcome": "already_ended"},
            {"stream_id": ID_2, "actor": null, "role": "service_role", "reason": null, "holder": null, "attempt": 1, "outcome": "not_found"},
            {"stream_id": null, "actor": "owner", "role": "authenticated", "reason": null, "holder": null, "attempt": 1, "outcome": "already_ended"},
        ])
    );
}

#[tokio::test]
async fn an_unknown_stream_is_not_found() {
    let db = TestDatabase::new().await;
    let result = end(&mut db.caller(Who::User("owner")).await, &format!("'{ID}'")).await;
    assert_eq!(
        result,
        json!({"success": false, "status": "not_found", "ended": [], "already_ended": [], "affected_count": 0})
    );
}

#[tokio::test]
async fn ending_by_streamer_ends_all_that_is_live_of_that_one() {
    let db = TestDatabase::new().await;
    live(&db, ID, "owner").await;
    live(&db, ID_2, "owner").await;
    live(&db, ID_3, "other").await;
    let mut owner = db.caller(Who::User("owner")).await;
    let result = end(&mut owner, "p_streamer_id => 'owner'").await;
    assert_eq!(
        result,
        json!({"success": true, "status": "ended", "ended": [ID, ID_2], "already_ended": [], "affected_count": 2})
    );
    let again = end(&mut owner, "p_streamer_id => 'owner'").await;
    assert_eq!(
        again,
        json!({"success": true, "status": "already_ended", "ended": [], "already_ended": [], "affected_count": 0})
    );
    let list = owner.rows("list_active_streams()").await.unwrap();
    assert_eq!(list[0]["stream_id"], ID_3);
    assert_eq!(list.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_scheduled_stream_is_called_off_by_its_id_only() {
    let db = TestDatabase::new().await;
    sqlx::query("insert into livestreams (id, streamer_id) values ($1::uuid, 'owner')")
        .bind(ID)
        .execute(&mut db.owner().await)
        .await
        .unwrap();
    let mut owner = db.caller(Who::User("owner")).await;
    end(&mut owner, "p_streamer_id => 'owner'").await;
    end(&mut db.caller(Who::Admin("admin")).await, "p_force_end_all => true").await;
    let status = format!("get_stream_status('{ID}')");
    assert_eq!(owner.call(&status).await.unwrap()["status"], "scheduled");
    assert_eq!(end(&mut owner, &format!("'{ID}'")).await["status"], "ended");
    let called_off = owner.call(&status).await.unwrap();
    assert_eq!(called_off["status"], "ended");
    assert_eq!(called_off["started_at"], Value::Null);
    assert_eq!(called_off["duration_seconds"], 0);
}

#[tokio::test]
async fn a_refused_call_changes_nothing() {
    let db = TestDatabase::new().await;
    live(&db, ID, "owner").await;
    let mut other = db.caller(Who::User("other")).await;
    let result = other.call(&format!("end_stream_comprehensive('{ID}')")).await;
    assert_eq!(message(result), format!("stream {ID} belongs to somebody else"));
    let result = other.call("end_stream_comprehensive(p_streamer_id => 'owner')").await;
    assert_eq!(message(result), "p_streamer_id names somebody else");
    let result = other.call("end_stream_comprehensive(p_force_end_all => true)").await;
    assert_eq!(message(result), "p_force_end_all is for admins only");
    assert_eq!(trail(&db).await, json!([]));
    assert_eq!(other.rows("list_active_streams()").await.unwrap()[0]["stream_id"], ID);
    // Also when it is over: an outsider learns nothing from trying.
    end(&mut db.caller(Who::User("owner")).await, &format!("'{ID}'")).await;
    assert_eq!(code(other.call(&format!("end_stream_comprehensive('{ID}')")).await), "42501");
}

#[tokio::test]
async fn exactly_one_selector_is_needed_and_the_error_names_them() {
    let db = TestDatabase::new().await;
    let mut admin = db.caller(Who::Admin("admin")).await;
    for arguments in [
        "".to_owned(),
        "p_force_end_all => false".to_owned(),
        "p_force_end_all => null".to_owned(),
        format!("'{ID}', 'admin'"),
        format!("'{ID}', p_force_end_all => true"),
        "p_streamer_id => 'admin', p_force_end_all => true".to_owned(),
    ] {
        let call = format!("end_stream_comprehensive({arguments})");
        assert_eq!(code(admin.call(&call).await), "22023", "{arguments}");
        let message = message(admin.call(&call).await);
        for argument in ["p_stream_id", "p_streamer_id", "p_force_end_all"] {
            assert!(message.contains(argument), "{message}");
        }
    }
}

#[tokio::test]
async fn arguments_have_bounds_and_the_error_names_argument_and_bound() {
    let db = TestDatabase::new().await;
    let mut owner = db.caller(Who::User("owner")).await;
    for (argument, bound) in [("p_reason", 500), ("p_holder", 100)] {
        end(&mut owner, &format!("'{ID}', {argument} => repeat('ä', {bound})")).await;
        let call = format!("end_stream_comprehensive('{ID}', {argument} => repeat('ä', {}))", bound + 1);
        assert_eq!(code(owner.call(&call).await), "22023");
        let expected = format!("{argument} is {} characters long; at most {bound} are allowed", bound + 1);
        assert_eq!(message(owner.call(&call).await), expected);
    }
    let call = "end_stream_comprehensive(p_streamer_id => repeat('x', 201))";
    assert_eq!(message(owner.call(call).await), "p_streamer_id is 201 characters long; at most 200 are allowed");
    for attempt in ["1", "1000"] {
        end(&mut owner, &format!("'{ID}', p_attempt => {attempt}")).await;
    }
    for attempt in ["0", "-1", "1001", "null"] {
        let call = format!("end_stream_comprehensive('{ID}', p_attempt => {attempt})");
        assert_eq!(code(owner.call(&call).await), "22023", "{attempt}");
        let expected = format!("p_attempt is {attempt}; it must be between 1 and 1000");
        assert_eq!(message(owner.call(&call).await), expected);
    }
}

#[tokio::test]
async fn sixteen_connections_at_once_end_every_stream_exactly_once() {
    const STREAMS: usize = 40;
    let db = TestDatabase::new().await;
    let mut owner = db.caller(Who::User("owner")).await;
    let mut ids = Vec::new();
    for _ in 0..STREAMS {
        let stream = owner.call("start_stream()").await.unwrap();
        ids.push(stream["stream_id"].as_str().unwrap().to_owned());
    }
    let mut callers = Vec::new();
    for _ in 0..16 {
        callers.push(db.caller(Who::User("owner")).await);
    }
    // Each ends all of them one by one, every second one backwards, every fourth one with one call for all at the start.
    let tasks: Vec<_> = callers
        .into_iter()
        .enumerate()
        .map(|(n, mut caller)| {
            let mut order = ids.clone();
            if n % 2 == 1 {
                order.reverse();
            }
            tokio::spawn(async move {
                let mut ended = Vec::new();
                let mut collect = |result: &Value| {
                    ended.extend(result["ended"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()));
                };
                if n % 4 == 3 {
                    collect(&end(&mut caller, "p_streamer_id => 'owner'").await);
                }
                for id in order {
                    let result = end(&mut caller, &format!("'{id}', p_holder => 'page-{n}'")).await;
                    assert_eq!(result["success"], true);
                    collect(&result);
                }
                ended
            })
        })
        .collect();
    let mut ended = Vec::new();
    for task in tasks {
        ended.extend(task.await.unwrap());
    }
    ended.sort();
    ids.sort();
    assert_eq!(ended, ids, "each id in the answer of exactly one call");
    let on_trail = owner.call("(select count(*) from end_attempts where outcome = 'ended')").await.unwrap();
    assert_eq!(on_trail, json!(STREAMS));
    assert_eq!(owner.rows("list_active_streams()").await.unwrap(), json!([]));
}

#[tokio::test]
async fn of_two_starts_at_once_with_one_id_both_get_the_one_stream() {
    let db = TestDatabase::new().await;
    let mut tasks = Vec::new();
    for _ in 0..8 {
        let mut owner = db.caller(Who::User("owner")).await;
        tasks.push(tokio::spawn(async move { owner.call(&format!("start_stream('{ID}')")).await.unwrap() }));
    }
    let mut starts = Vec::new();
    for task in tasks {
        starts.push(task.await.unwrap()["started_at"].clone());
    }
    starts.dedup();
    assert_eq!(starts.len(), 1, "{starts:?}");
}
