//! Whatever people do in rooms at the same time, in whatever order, and whatever falls away under them: once it has settled,
//! nothing is stuck and nothing is left over.

use std::sync::Arc;

use database_tests::{Caller, Random, TestDatabase, Who, code, is_soak, my_room};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, raw_sql};
use tokio::sync::Barrier;

const HOSTS: [&str; 4] = ["host-0", "host-1", "host-2", "host-3"];
const VIEWERS: u64 = 6;
const CONNECTIONS: u64 = 8;

/// What may be refused: a room that is live, a session that is over.
const REFUSALS: [&str; 2] = ["PT409", "PT404"];

/// One of the connections: it is everybody in turn.
struct Crowd {
    random: Random,
    caller: Caller,
    owner: sqlx::postgres::PgConnection,
    rooms: Vec<String>,
    /// Whether somebody also changes rows by hand.
    by_hand: bool,
}

impl Crowd {
    fn room(&mut self) -> (&'static str, String) {
        let n = self.random.below(HOSTS.len() as u64) as usize;
        (HOSTS[n], self.rooms[n].clone())
    }

    /// A session of any room, mostly the current one.
    async fn session(&mut self) -> Option<String> {
        let (_, room) = self.room();
        let order = if self.random.below(4) == 0 { "md5(id::text)" } else { "created_at desc" };
        let sql = format!("select id::text from live_room_sessions where room_id = '{room}' order by {order} limit 1");
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_optional(&mut self.owner).await.unwrap()
    }

    async fn act(&mut self, user: &str, expression: &str) {
        let admin = if user == "admin" { r#","app_metadata":{"role":"admin"}"# } else { "" };
        let claims = format!(r#"{{"role":"authenticated","sub":"{user}"{admin}}}"#);
        self.caller.execute(&format!("select set_config('request.jwt.claims', '{claims}', false)")).await.unwrap();
        if let Err(error) = self.caller.call(expression).await {
            let told = error.to_string();
            let code = code(Err::<(), _>(error));
            assert!(REFUSALS.contains(&code.as_str()), "{user}: {expression}: {code} {told}");
        }
    }

    async fn by_owner(&mut self, sql: &str) {
        raw_sql(AssertSqlSafe(sql)).execute(&mut self.owner).await.unwrap();
    }

    async fn step(&mut self) {
        let (host, room) = self.room();
        let page = self.random.below(3);
        let viewer = format!("viewer-{}", self.random.below(VIEWERS));
        match self.random.below(if self.by_hand { 20 } else { 17 }) {
            0..=2 => {
                let key = self.random.below(40);
                let take_over = self.random.below(4) == 0;
                let go = format!(
                    "live_room_create_session('{room}', null, 'key-{key}', 'page-{page}', p_take_over => {take_over})"
                );
                self.act(host, &go).await;
            }
            3 => self.act(host, &format!("live_room_end('{room}')")).await,
            4 => {
                if let Some(session) = self.session().await {
                    self.act(host, &format!("live_room_end('{room}', '{session}')")).await;
                }
            }
            5 => self.act(host, &format!("live_room_schedule('{room}', now() + interval '1 h')")).await,
            6 => self.act(host, &format!("live_room_open_lobby('{room}')")).await,
            7 => self.act(host, &format!("live_room_cancel('{room}')")).await,
            8..=10 => {
                if let Some(session) = self.session().await {
                    self.act(&viewer, &format!("live_room_join('{session}')")).await;
                }
            }
            11 => {
                if let Some(session) = self.session().await {
                    self.act(&viewer, &format!("live_room_leave('{session}')")).await;
                }
            }
            12 => self.act(host, "end_stream_comprehensive(p_streamer_id => (select auth.jwt() ->> 'sub'))").await,
            13 => {
                // The host's pages say hello or goodbye, and start what is scheduled.
                if let Some(session) = self.session().await {
                    let stream = format!("(select stream_id from live_room_sessions where id = '{session}')");
                    let seconds = [90, 0][self.random.below(2) as usize];
                    self.act("admin", &format!("touch_stream({stream}, 'page-{page}', {seconds})")).await;
                    let of = format!("select streamer_id from livestreams where id = {stream}");
                    let host: String = sqlx::query_scalar(AssertSqlSafe(of)).fetch_one(&mut self.owner).await.unwrap();
                    self.act(&host, &format!("start_stream({stream}, p_holder => 'page-{page}')")).await;
                }
            }
            // Whoever it was, nothing has been heard of them for their lease.
            14 => {
                let kind = ["host", "viewer"][self.random.below(2) as usize];
                let sql = format!(
                    "update streamkeeper.leases l set lease_until = now() - interval '{} s'
                     where (l.kind, l.subject, l.holder) = (
                       select k.kind, k.subject, k.holder from streamkeeper.leases k where k.kind = '{kind}'
                       order by md5(k.holder || k.subject) offset {} limit 1)",
                    self.random.below(100),
                    self.random.below(4)
                );
                self.by_owner(&sql).await;
            }
            15 => {
                let sweeps = ["sweep()", "sweep_attendance()", "(select count(*) from live_room_listing())"];
                let sweep = sweeps[self.random.below(3) as usize];
                self.act("admin", sweep).await;
            }
            16 => match self.random.below(4) {
                0 => self.act("admin", "end_stream_comprehensive(p_force_end_all => true)").await,
                1 => self.act("admin", "auto_end_inactive_streams()").await,
                _ => self.act("admin", "cleanup_stuck_rooms()").await,
            },
            // What the frontends of old did.
            17 => self.by_owner(&format!("update live_rooms set status = 'lobby' where id = '{room}'")).await,
            18 => {
                let sql = "update live_rooms set status = 'idle', current_session_id = null, host_present = false";
                self.by_owner(&format!("{sql} where id = '{room}'")).await;
            }
            _ => {
                let sql = "update live_room_sessions set status = 'ended', ended_at = now()";
                self.by_owner(&format!("{sql} where room_id = '{room}' and status = 'live'")).await;
            }
        }
    }
}

async fn interleave(seed: u64, by_hand: bool) {
    let db = TestDatabase::new().await;
    db.sweeper_is_alive().await;
    let mut rooms = Vec::new();
    for host in HOSTS {
        rooms.push(my_room(&mut db.caller(Who::User(host)).await).await);
    }
    let barrier = Arc::new(Barrier::new(CONNECTIONS as usize));
    let mut tasks = Vec::new();
    for connection in 0..CONNECTIONS {
        let mut crowd = Crowd {
            random: Random::new(seed * CONNECTIONS + connection),
            caller: db.caller(Who::User("somebody")).await,
            owner: db.owner().await,
            rooms: rooms.clone(),
            by_hand,
        };
        let barrier = Arc::clone(&barrier);
        tasks.push(tokio::spawn(async move {
            barrier.wait().await;
            for _ in 0..if is_soak() { 3_000 } else { 120 } {
                crowd.step().await;
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    settle(&db, seed, by_hand).await;
}

async fn settle(db: &TestDatabase, seed: u64, by_hand: bool) {
    let mut admin = db.caller(Who::Admin("admin")).await;
    if !by_hand {
        assert_eq!(admin.rows("stuck_rooms()").await.unwrap(), json!([]), "{seed}: nobody did anything by hand");
    }
    for job in ["sweep()", "sweep_attendance()", "cleanup_stuck_rooms()"] {
        admin.call(job).await.unwrap();
    }
    assert_eq!(admin.rows("stuck_rooms()").await.unwrap(), json!([]), "{seed}");
    let done = admin.call("cleanup_stuck_rooms()").await.unwrap();
    assert_eq!(done, json!({"sessions_ended": 0, "rooms_reset": 0, "streams_synced": 0}), "{seed}");

    for (what, sql) in [
        ("an open session without its room", "select s.id from live_room_sessions s join live_rooms r on r.id = s.room_id
           where s.status in ('scheduled', 'live') and r.current_session_id is distinct from s.id"),
        ("a room that is not idle and has no open session", "select r.id from live_rooms r
           left join live_room_sessions s on s.id = r.current_session_id and s.status in ('scheduled', 'live')
           where (r.status = 'idle') <> (s.id is null)"),
        ("a session that is not as its stream", "select s.id from live_room_sessions s join livestreams l on l.id = s.stream_id
           where case when s.status = 'cancelled' then 'ended' else s.status end <> l.status
             or (s.status = 'cancelled') <> (l.status = 'ended' and l.started_at is null)"),
        ("a stream without a session", "select l.id from livestreams l
           where not exists (select from live_room_sessions s where s.stream_id = l.id)"),
        ("an open attendance in a session that is over", "select a.id from live_room_attendance a
           join live_room_sessions s on s.id = a.session_id where a.left_at is null and s.status in ('ended', 'cancelled')"),
        ("an attendance that overlaps another one of the same user", "select a.id from live_room_attendance a
           join live_room_attendance b on (b.session_id, b.user_id) = (a.session_id, a.user_id) and b.id > a.id
           where a.left_at is null or b.joined_at < a.left_at"),
        ("a viewer's lease without an open attendance", "select l.subject from streamkeeper.leases l
           where l.kind = 'viewer' and not exists (select from live_room_attendance a
             where a.session_id::text = l.subject and a.user_id = l.holder and a.left_at is null)"),
        ("an open attendance without a lease", "select a.id from live_room_attendance a
           where a.left_at is null and not exists (select from streamkeeper.leases l
             where l.kind = 'viewer' and l.subject = a.session_id::text and l.holder = a.user_id)"),
        ("a host who is not where the leases say", "select r.id from live_rooms r
           left join live_room_sessions s on s.id = r.current_session_id
           where r.host_present <> exists (select from streamkeeper.leases l
             where l.kind = 'host' and l.subject = s.stream_id::text and l.lease_seconds > 0)"),
    ] {
        assert_eq!(db.rows(sql).await, json!([]), "{seed}: {what}");
    }
    let listed = db.caller(Who::Anon).await.rows("(select id, stream_id from live_room_listing() order by id)").await;
    let open = "select id, stream_id from live_room_sessions where status in ('scheduled', 'live') order by id";
    assert_eq!(listed.unwrap(), db.rows(open).await, "{seed}");
    drop(admin);
    // Also those that a trigger has caught.
    let deadlocks = db.rows("select deadlocks from pg_stat_database where datname = current_database()").await;
    assert_eq!(deadlocks, json!([{"deadlocks": 0}]), "{seed}");
    let begun = db.rows("select count(*) > 30 as many from live_room_sessions where started_at is not null").await;
    assert_eq!(begun[0]["many"], Value::Bool(true), "{seed}: not beside the point");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_in_rooms_at_the_same_time_they_settle() {
    for seed in 0..if is_soak() { 20 } else { 3 } {
        interleave(seed, false).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_to_rooms_by_hand_meanwhile_is_put_right() {
    for seed in 100..if is_soak() { 120 } else { 103 } {
        interleave(seed, true).await;
    }
}
