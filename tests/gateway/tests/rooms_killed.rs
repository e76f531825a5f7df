//! Something is killed in the middle of an end: there is the whole end, or none of it.
//!
//! Each blow falls at every table that an end writes to, while it is about to, and then at random moments.

use std::process::Stdio;
use std::time::{Duration, Instant};

use database_tests::Random;
use gateway_tests::postgres::Postgres;
use gateway_tests::program::serving;
use gateway_tests::sse::Reader;
use gateway_tests::{SECRET, client, user};
use serde_json::{Value, json};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, raw_sql};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// What an end writes to.
const TABLES: [&str; 6] =
    ["livestreams", "live_room_sessions", "live_room_attendance", "live_rooms", "end_attempts", "leases"];

/// Whoever is about to write to the table that is named in `t_gate` waits until nobody holds lock 1 any more.
const GATES: &str = "
    create table t_gate (at text);
    create function t_wait() returns trigger language plpgsql security definer as $$
      begin
        if exists (select from public.t_gate g where g.at = tg_table_name) then
          perform pg_advisory_xact_lock(1);
        end if;
        return case tg_op when 'DELETE' then old else new end;
      end $$;
    create trigger t_wait before update on livestreams for each row execute function t_wait();
    create trigger t_wait before update on live_room_sessions for each row execute function t_wait();
    create trigger t_wait before update on live_room_attendance for each row execute function t_wait();
    create trigger t_wait before update on live_rooms for each row execute function t_wait();
    create trigger t_wait before insert on end_attempts for each row execute function t_wait();
    create trigger t_wait before delete on streamkeeper.leases for each row execute function t_wait()";

/// How much of this session's end there is.
const STATE: &str = "
    select json_build_array(
      l.status, s.status, r.status, r.current_session_id is not null, r.host_present,
      (select count(*) from live_room_attendance a where a.session_id = s.id and a.left_at is null),
      (select count(*) from streamkeeper.leases h where h.subject in (l.id::text, s.id::text)),
      (select count(*) from end_attempts e where e.stream_id = l.id)
    )
    from live_room_sessions s join livestreams l on l.id = s.stream_id join live_rooms r on r.id = s.room_id
    where s.id = $1::uuid";

/// When it falls.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// The end is about to write to this table.
    At(&'static str),
    /// So long after the call was sent.
    After(Duration),
}

/// What it hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blow {
    /// The gateway, by SIGKILL.
    Gateway,
    /// The connection that the end runs on, by `pg_terminate_backend`.
    Connection,
    /// Its server process, by SIGKILL: PostgreSQL goes down, all of it, and recovers.
    Backend,
    /// All processes of PostgreSQL, by SIGKILL.
    Server,
}

struct World {
    postgres: Postgres,
    gateway: (Child, String),
    room: String,
    random: Random,
}

impl World {
    async fn new(name: &str) -> Self {
        let postgres = Postgres::start(name).await;
        let mut owner = postgres.connect().await;
        raw_sql(GATES).execute(&mut owner).await.unwrap();
        let room = ask_as(&mut owner, "ann", "my_room()").await["id"].as_str().unwrap().to_owned();
        let gateway = gateway(&postgres).await;
        Self { postgres, gateway, room, random: Random::new(5) }
    }

    /// Ann is live, and Bob is there.
    async fn go_live(&self) -> String {
        let mut owner = self.postgres.connect().await;
        let call = format!("live_room_create_session('{}', p_holder => 'page-1')", self.room);
        let session = ask_as(&mut owner, "ann", &call).await["id"].as_str().unwrap().to_owned();
        ask_as(&mut owner, "bob", &format!("live_room_join('{session}')")).await;
        session
    }

    /// Asks the gateway to end it; nothing when it did not answer.
    fn end(&self) -> JoinHandle<Option<u16>> {
        let url = format!("{}/rooms/{}/end", self.gateway.1, self.room);
        tokio::spawn(async move {
            let answer = client().post(url).bearer_auth(user("ann")).send().await;
            answer.ok().map(|answer| answer.status().as_u16())
        })
    }

    /// How long an end takes that nobody disturbs.
    async fn undisturbed(&self) -> Duration {
        let session = self.go_live().await;
        let since = Instant::now();
        assert_eq!(self.end().await.unwrap(), Some(200));
        let took = since.elapsed();
        assert!(self.has_ended(&session).await);
        took
    }

    async fn strike(&mut self, blow: Blow, moment: Moment) {
        let session = self.go_live().await;
        let mut holder = self.postgres.connect().await;
        raw_sql("select pg_advisory_lock(1)").execute(&mut holder).await.unwrap();
        if let Moment::At(table) = moment {
            sqlx::query("insert into t_gate values ($1)").bind(table).execute(&mut holder).await.unwrap();
        }
        let end = self.end();
        match moment {
            Moment::At(_) => self.until("count(*) = 1", "wait_event_type = 'Lock'").await,
            Moment::After(time) => sleep(time).await,
        }
        self.hit(blow).await;
        // Where PostgreSQL was hit, the lock is gone already.
        drop(holder.close().await);
        let answer = end.await.unwrap();
        if blow == Blow::Gateway {
            self.gateway = gateway(&self.postgres).await;
        }
        self.until("count(*) = 0", "state <> 'idle'").await;
        raw_sql("truncate t_gate").execute(&mut self.postgres.connect().await).await.unwrap();

        let has_ended = self.has_ended(&session).await;
        // What was said is true.
        assert!(answer != Some(200) || has_ended, "{blow:?} {moment:?}");
        if let Moment::At(_) = moment {
            assert!(!has_ended, "{blow:?} {moment:?}");
        }
        // And whoever asks again gets what he wants.
        let again = loop {
            match self.end().await.unwrap() {
                Some(503 | 504) | None => {}
                status => break status,
            }
        };
        assert_eq!(again, Some(200), "{blow:?} {moment:?}");
        assert!(self.has_ended(&session).await, "{blow:?} {moment:?}");
    }

    async fn hit(&mut self, blow: Blow) {
        let mut owner = self.postgres.connect().await;
        // The one that runs the end, or the one that did something last.
        let process = "select pid from pg_stat_activity
          where datname = current_database() and pid <> pg_backend_pid() and query like '%live_room_end%'
          order by state = 'active' desc limit 1";
        match blow {
            Blow::Gateway => self.gateway.0.kill().await.unwrap(),
            Blow::Connection => {
                let terminate = format!("select pg_terminate_backend(pid) from ({process}) t");
                raw_sql(AssertSqlSafe(terminate)).execute(&mut owner).await.unwrap();
            }
            Blow::Backend => {
                let process: Option<i32> = sqlx::query_scalar(process).fetch_optional(&mut owner).await.unwrap();
                if let Some(process) = process {
                    let mut kill = Command::new("kill");
                    kill.args(["-KILL", &process.to_string()]).stderr(Stdio::null());
                    assert!(kill.status().await.unwrap().success());
                }
            }
            Blow::Server => {
                self.postgres.kill();
                self.postgres.run().await;
            }
        }
    }

    /// Waits until this is true of the other connections. A server that comes up again is waited for.
    async fn until(&self, is_true: &str, of: &str) {
        let sql = format!(
            "select {is_true} from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and {of}"
        );
        let wait = async || -> Result<(), sqlx::Error> {
            let mut owner = PgConnection::connect_with(&self.postgres.options()).await?;
            while !sqlx::query_scalar(AssertSqlSafe(sql.clone())).fetch_one(&mut owner).await? {
                tokio::task::yield_now().await;
            }
            Ok(())
        };
        while wait().await.is_err() {
            tokio::task::yield_now().await;
        }
    }

    /// The whole of it, or none.
    async fn has_ended(&self, session: &str) -> bool {
        let mut owner = self.postgres.connect().await;
        let state: Value = sqlx::query_scalar(STATE).bind(session).fetch_one(&mut owner).await.unwrap();
        let (all, none) = (
            json!(["ended", "ended", "idle", false, false, 0, 0, 1]),
            json!(["live", "live", "live", true, true, 1, 2, 0]),
        );
        assert!(state == all || state == none, "half an end: {state}");
        state == all
    }

    async fn strike_everywhere(&mut self, blow: Blow, at_random: u32) {
        for table in TABLES {
            self.strike(blow, Moment::At(table)).await;
        }
        let span = self.undisturbed().await * 2;
        for _ in 0..at_random {
            let part = self.random.below(1_000) as u32;
            self.strike(blow, Moment::After(span * part / 1_000)).await;
        }
        let stuck: i64 = sqlx::query_scalar("select count(*) from stuck_rooms()")
            .fetch_one(&mut self.postgres.connect().await)
            .await
            .unwrap();
        assert_eq!(stuck, 0);
    }
}

async fn gateway(postgres: &Postgres) -> (Child, String) {
    let url = postgres.url();
    let variables = [("DATABASE_URL", url.as_str()), ("JWT_SECRET", SECRET), ("BIND", "127.0.0.1:0")];
    let (child, url, _) = serving(&["serve"], &variables).await;
    (child, url)
}

/// A call without a gateway.
async fn ask_as(owner: &mut PgConnection, user: &str, call: &str) -> Value {
    let claims = json!({"sub": user, "role": "authenticated"}).to_string();
    sqlx::query("select set_config('request.jwt.claims', $1, false)").bind(claims).execute(&mut *owner).await.unwrap();
    sqlx::query_scalar(AssertSqlSafe(format!("select {call}"))).fetch_one(owner).await.unwrap()
}

#[tokio::test]
async fn a_gateway_killed_in_the_middle_of_an_end_leaves_the_whole_or_nothing() {
    World::new("gateway-killed").await.strike_everywhere(Blow::Gateway, 24).await;
}

#[tokio::test]
async fn a_connection_cut_in_the_middle_of_an_end_leaves_the_whole_or_nothing() {
    World::new("connection-cut").await.strike_everywhere(Blow::Connection, 24).await;
}

#[tokio::test]
async fn postgresql_that_crashes_in_the_middle_of_an_end_leaves_the_whole_or_nothing() {
    let mut world = World::new("postgresql-crashes").await;
    world.strike_everywhere(Blow::Backend, 6).await;
}

#[tokio::test]
async fn postgresql_that_is_killed_in_the_middle_of_an_end_leaves_the_whole_or_nothing_and_readers_get_what_is() {
    let mut world = World::new("postgresql-killed").await;
    let mut reader = Reader::open(client().get(format!("{}/rooms/listing", world.gateway.1))).await;
    world.strike_everywhere(Blow::Server, 4).await;
    let session = world.go_live().await;
    // Its connection has outlived all of that.
    loop {
        let event = reader.next().await.expect("the reader is kept");
        if event.name == "listing" && event.json().as_array().unwrap().iter().any(|row| row["id"] == session) {
            break;
        }
    }
}
