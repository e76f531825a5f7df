//! Who is in a session, and that a blip of the network is no leaving.

use database_tests::{Caller, Who, code};
use serde_json::{Value, json};

use crate::{Host, id};

/// The attendance of everybody: who, and whether it is open; by the time of joining.
async fn attendance(host: &Host) -> Value {
    let sql = "select user_id as who, left_at is null as here from live_room_attendance order by joined_at, id";
    host.db.rows(sql).await
}

async fn leases(host: &Host) -> Value {
    host.db.rows("select count(*) from streamkeeper.leases where kind = 'viewer'").await[0]["count"].clone()
}

/// So many seconds go by for everybody who is in a session.
async fn pass(host: &Host, seconds: u32) {
    host.db
        .run(&format!(
            "update live_room_attendance set joined_at = joined_at - interval '{seconds} s',
               last_seen_at = last_seen_at - interval '{seconds} s', left_at = left_at - interval '{seconds} s';
             update streamkeeper.leases set lease_until = lease_until - interval '{seconds} s' where kind = 'viewer'"
        ))
        .await;
}

struct Live {
    host: Host,
    session: String,
    guest: Caller,
}

impl Live {
    async fn new() -> Self {
        let mut host = Host::new().await;
        host.db.sweeper_is_alive().await;
        let session = id(&host.go_live("p_holder => 'page-1'").await, "id");
        let guest = host.db.caller(Who::User("guest")).await;
        Self { host, session, guest }
    }

    async fn join(&mut self) -> Value {
        self.guest.call(&format!("live_room_join('{}')", self.session)).await.unwrap()
    }

    async fn leave(&mut self) -> Value {
        self.guest.call(&format!("live_room_leave('{}') -> 'status'", self.session)).await.unwrap()
    }

    async fn sweep(&self) -> Value {
        self.host.db.caller(Who::Service).await.call("sweep_attendance()").await.unwrap()
    }
}

#[tokio::test]
async fn joining_and_leaving() {
    let mut live = Live::new().await;
    let joined = live.join().await;
    assert_eq!(joined.as_object().unwrap().len(), 7, "{joined}");
    assert_eq!(
        (&joined["success"], &joined["status"], &joined["session_id"], &joined["room_id"]),
        (&json!(true), &json!("live"), &json!(live.session), &json!(live.host.room))
    );
    assert_eq!(attendance(&live.host).await, json!([{"who": "guest", "here": true}]));
    // The heartbeat: the same attendance, a longer lease.
    pass(&live.host, 30).await;
    let again = live.join().await;
    assert_ne!(again["lease_until"], joined["lease_until"]);
    assert_eq!(attendance(&live.host).await, json!([{"who": "guest", "here": true}]));
    let lease = "select lease_seconds, round(extract(epoch from lease_until - now()), -1)::int as left
                 from streamkeeper.leases where kind = 'viewer'";
    assert_eq!(live.host.db.rows(lease).await, json!([{"lease_seconds": 90, "left": 90}]));

    assert_eq!(live.leave().await, "left");
    assert_eq!(attendance(&live.host).await, json!([{"who": "guest", "here": false}]));
    assert_eq!(leases(&live.host).await, 0);
    let before = live.host.db.all_about_rooms().await;
    assert_eq!(live.leave().await, "already_left");
    assert_eq!(live.host.db.all_about_rooms().await, before);
}

#[tokio::test]
async fn who_is_back_within_a_minute_has_not_been_away_and_who_comes_later_comes_anew() {
    for swept in [false, true] {
        for (away, rows) in [(58, 1), (61, 2)] {
            // By leaving.
            let mut live = Live::new().await;
            live.join().await;
            live.leave().await;
            pass(&live.host, away).await;
            live.join().await;
            assert_eq!(attendance(&live.host).await.as_array().unwrap().len(), rows, "{away} s after leaving");

            // By falling silent: the lease is over 90 s later, with or without a sweep.
            let mut live = Live::new().await;
            live.join().await;
            pass(&live.host, 90 + away).await;
            if swept {
                assert_eq!(live.sweep().await, 1);
            }
            live.join().await;
            let seen = attendance(&live.host).await;
            assert_eq!(seen.as_array().unwrap().len(), rows, "{away} s after the lapse, swept: {swept}");
            assert_eq!(seen[rows - 1], json!({"who": "guest", "here": true}));
            if rows == 2 {
                let length = "select round(extract(epoch from left_at - joined_at))::int as seconds
                              from live_room_attendance where left_at is not null";
                assert_eq!(live.host.db.rows(length).await, json!([{"seconds": 90}]), "until the lapse, and no longer");
            }
        }
    }
}

#[tokio::test]
async fn who_is_not_heard_of_has_left_at_the_lapse_but_not_after_an_outage() {
    let mut live = Live::new().await;
    live.join().await;
    live.host.db.run("select live_room_leave(null)").await;
    assert_eq!(live.sweep().await, 0, "not over yet");
    pass(&live.host, 91).await;
    // The sweeper is back for a moment only: nobody could have renewed anything.
    live.host.db.run("update streamkeeper.sweeper set alive_since = now() - interval '60 s'").await;
    assert_eq!(live.sweep().await, 0);
    live.join().await;
    assert_eq!(attendance(&live.host).await, json!([{"who": "guest", "here": true}]));
    pass(&live.host, 91).await;
    live.host.db.sweeper_is_alive().await;
    assert_eq!(live.sweep().await, 1);
    assert_eq!(live.sweep().await, 0);
    assert_eq!(
        (attendance(&live.host).await, leases(&live.host).await),
        (json!([{"who": "guest", "here": false}]), json!(0))
    );
    let at = "select round(extract(epoch from now() - left_at))::int between 1 and 60 as at_the_lapse from live_room_attendance";
    assert_eq!(live.host.db.rows(at).await, json!([{"at_the_lapse": true}]));
}

#[tokio::test]
async fn the_end_of_a_session_ends_its_attendance_for_whoever_had_lapsed_when_that_was() {
    let mut live = Live::new().await;
    live.join().await;
    live.host.db.caller(Who::User("silent")).await.call(&format!("live_room_join('{}')", live.session)).await.unwrap();
    live.host
        .db
        .run(
            "update live_room_attendance set joined_at = now() - interval '10 min', last_seen_at = now() - interval '3 min';
             update streamkeeper.leases set lease_until = now() - interval '90 s' where holder = 'silent'",
        )
        .await;
    live.host.call("live_room_end", "").await.unwrap();
    let rows =
        "select a.user_id as who, round(extract(epoch from s.ended_at - a.left_at))::int / 10 * 10 as before_the_end
                from live_room_attendance a join live_room_sessions s on s.id = a.session_id order by 1";
    assert_eq!(
        live.host.db.rows(rows).await,
        json!([{"who": "guest", "before_the_end": 0}, {"who": "silent", "before_the_end": 90}])
    );
    assert_eq!(leases(&live.host).await, 0);
    let before = live.host.db.all_about_rooms().await;
    let join = format!("live_room_join('{}')", live.session);
    assert_eq!(code(live.guest.call(&join).await), "PT409");
    assert_eq!(live.host.db.all_about_rooms().await, before);
}

#[tokio::test]
async fn people_wait_in_a_lobby_and_are_in_the_session_when_it_goes_live() {
    let mut host = Host::new().await;
    let mut guest = host.db.caller(Who::User("guest")).await;
    let room = host.call("live_room_schedule", "now() + interval '1 h'").await.unwrap();
    let join = format!("live_room_join('{}')", id(&room, "current_session_id"));
    assert_eq!(code(guest.call(&join).await), "PT409", "not yet");
    host.call("live_room_open_lobby", "").await.unwrap();
    assert_eq!(guest.call(&join).await.unwrap()["status"], "lobby");
    host.go_live("").await;
    assert_eq!(guest.call(&join).await.unwrap()["status"], "live");
    assert_eq!(attendance(&host).await, json!([{"who": "guest", "here": true}]));
}

#[tokio::test]
async fn who_attended_is_seen_by_themselves_their_host_and_admins() {
    let mut live = Live::new().await;
    live.join().await;
    live.host.db.caller(Who::User("other")).await.call(&format!("live_room_join('{}')", live.session)).await.unwrap();
    for (who, seen) in [
        (Who::User("guest"), json!(["guest"])),
        (Who::User("host"), json!(["guest", "other"])),
        (Who::User("stranger"), json!([])),
        (Who::Admin("admin"), json!(["guest", "other"])),
        (Who::Service, json!(["guest", "other"])),
    ] {
        let sql = "(select coalesce(json_agg(user_id order by user_id), '[]') from live_room_attendance)";
        assert_eq!(live.host.db.caller(who).await.call(sql).await.unwrap(), seen, "{who:?}");
    }
    let longest = "x".repeat(200);
    let claims = json!({"role": "authenticated", "sub": longest});
    live.guest.execute(&format!("select set_config('request.jwt.claims', '{claims}', false)")).await.unwrap();
    live.join().await;
    let join = "live_room_join('00000000-0000-4000-8000-000000000001')";
    assert_eq!(code(live.guest.call(join).await), "PT404");
    assert_eq!(code(live.guest.call("live_room_join(null)").await), "PT404");
}
