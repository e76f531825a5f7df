//! Random histories: three nodes that die, stop and come back, viewers and hosts who come and go, streams that start and
//! end, and two sweepers, all at the same time, on clocks that are real and graces that are short.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use database_tests::{Caller, Random, TestDatabase, Who, is_soak};
use serde_json::{Map, Value, json};
use sqlx::raw_sql;
use tokio::time::sleep;

/// The first ones have no stream, and only absence ends them.
const EVENTS: usize = 6;
const WITH_STREAM: [usize; 2] = [4, 5];

const SETUP: &str = "
  create or replace function streamkeeper.node_lease_seconds() returns integer
    language sql immutable set search_path = '' as $$ select 2 $$;
  create or replace function streamkeeper.hand_over_seconds() returns integer
    language sql immutable set search_path = '' as $$ select 1 $$;
  alter table events drop constraint events_grace_seconds_check;
  update events set grace_seconds = 1;
  update streamkeeper.sweeper set last_run_at = clock_timestamp(), alive_since = clock_timestamp() - interval '1 hour';
  create table endings (event_id uuid, generation int, ended_by text, empty_from bigint, decided_at bigint);
  grant select on endings to service_role;
  create function note() returns trigger language plpgsql as $$ begin
    insert into public.endings values (new.id, new.generation, new.ended_by,
      extract(epoch from clock_timestamp() - make_interval(secs => new.grace_seconds)) * 1e6,
      extract(epoch from clock_timestamp()) * 1e6);
    return null;
  end $$;
  create trigger note after update on events for each row
    when (new.status = 'ended' and old.status <> 'ended') execute function note();
";

fn event(number: usize) -> String {
    format!("00000000-0000-4000-8000-0000000000e{number}")
}

fn stream(number: usize) -> String {
    format!("00000000-0000-4000-8000-0000000000a{number}")
}

/// What everybody sees.
struct Theatre {
    db: TestDatabase,
    over: AtomicBool,
    /// Nobody comes to these for now.
    intermission: [AtomicBool; EVENTS],
}

impl Theatre {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}

/// A time, by the one clock that there is.
async fn now(caller: &mut Caller) -> i64 {
    caller.call("(extract(epoch from clock_timestamp()) * 1e6)::bigint").await.unwrap().as_i64().unwrap()
}

/// From when until when somebody was surely at an event.
struct Stay {
    event: usize,
    from: i64,
    until: i64,
}

/// Viewers, or hosts, of one event at one node.
#[derive(Default)]
struct Here {
    count: u32,
    /// Since when the database knows.
    since: Option<i64>,
    /// When it was told.
    told_at: i64,
}

/// For how long a node that is not heard of counts as there, in microseconds.
const LEASE: i64 = 2_000_000;

struct Node {
    theatre: Arc<Theatre>,
    caller: Caller,
    random: Random,
    number: u64,
    life: u64,
    viewers: [Here; EVENTS],
    hosts: [Here; EVENTS],
    heard_at: i64,
    stays: Vec<Stay>,
}

impl Node {
    async fn new(theatre: &Arc<Theatre>, number: u64) -> Self {
        let mut caller = theatre.db.caller(Who::Service).await;
        let heard_at = now(&mut caller).await;
        let (theatre, random) = (Arc::clone(theatre), Random::new(number));
        Self {
            theatre,
            caller,
            random,
            number,
            life: 0,
            viewers: Default::default(),
            hosts: Default::default(),
            heard_at,
            stays: Vec::new(),
        }
    }

    fn name(&self) -> String {
        format!("node-{}-{}", self.number, self.life)
    }

    fn here(&mut self, event: usize, host: bool) -> &mut Here {
        if host { &mut self.hosts[event] } else { &mut self.viewers[event] }
    }

    /// True: the database took it. False: the event is over for good.
    async fn tell(&mut self, call: &str, number: usize) -> bool {
        let call = format!("{call}('{}', '{}')", event(number), self.name());
        match self.caller.call(&call).await {
            Ok(_) => true,
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("PT409") => false,
            Err(error) => panic!("{call}: {error}"),
        }
    }

    async fn enter(&mut self, event: usize, host: bool) {
        self.here(event, host).count += 1;
        if self.here(event, host).count == 1 {
            self.say_here(event, host).await;
        }
    }

    async fn say_here(&mut self, event: usize, host: bool) {
        let told_at = now(&mut self.caller).await;
        let known = self.tell(if host { "event_host_here" } else { "event_viewer_first" }, event).await;
        let at = now(&mut self.caller).await;
        let here = self.here(event, host);
        here.since = known.then_some(at);
        here.told_at = told_at;
        here.count = if known { here.count } else { 0 };
    }

    async fn leave(&mut self, event: usize, host: bool) {
        if self.here(event, host).count == 0 {
            return;
        }
        self.here(event, host).count -= 1;
        if self.here(event, host).count == 0 {
            let at = now(&mut self.caller).await;
            self.stayed(event, host, at);
            self.tell(if host { "event_host_gone" } else { "event_viewer_last" }, event).await;
        }
    }

    /// They were there until then, or until a slow machine has made their node look dead.
    fn stayed(&mut self, event: usize, host: bool, until: i64) {
        let heard_at = self.heard_at.max(self.here(event, host).told_at);
        if let Some(from) = self.here(event, host).since.take() {
            self.stays.push(Stay { event, from, until: until.min(heard_at + LEASE) });
        }
    }

    async fn heartbeat(&mut self) {
        let at = now(&mut self.caller).await;
        let counts: Map<String, Value> = (0..EVENTS)
            .filter(|number| self.viewers[*number].count + self.hosts[*number].count > 0)
            .map(|number| {
                let viewers = self.viewers[number].count;
                (event(number), json!({"viewers": viewers, "users": viewers}))
            })
            .collect();
        let call = format!("node_heartbeat('{}', '{}') -> 'events'", self.name(), Value::Object(counts));
        let events = self.caller.call(&call).await.unwrap();
        for number in 0..EVENTS {
            let said = &events[event(number)];
            if said["over"] == true {
                for host in [false, true] {
                    self.stayed(number, host, at);
                    self.here(number, host).count = 0;
                }
            } else if said["held"] == false {
                // It was not heard for too long, and was taken for dead.
                for host in [false, true] {
                    self.stayed(number, host, at);
                    if self.here(number, host).count > 0 {
                        self.say_here(number, host).await;
                    }
                }
            }
        }
        self.heard_at = at;
    }

    /// The process is gone, and with it whoever was there. The next one has another name.
    async fn end(&mut self, tell: bool) {
        let at = now(&mut self.caller).await;
        for number in 0..EVENTS {
            for host in [false, true] {
                self.stayed(number, host, at);
                *self.here(number, host) = Here::default();
            }
        }
        if tell {
            self.caller.call(&format!("node_stop('{}')", self.name())).await.unwrap();
        }
        self.life += 1;
    }

    async fn run(mut self) -> Vec<Stay> {
        while !self.theatre.is_over() {
            self.heartbeat().await;
            for _ in 0..8 {
                let number = self.random.below(EVENTS as u64) as usize;
                let host = self.random.below(6) == 0;
                let closed = self.theatre.intermission[number].load(Ordering::Relaxed);
                match self.random.below(100) {
                    0 => self.end(false).await,
                    // Only what is known to the database can be stopped.
                    1 => {
                        self.heartbeat().await;
                        self.end(true).await;
                    }
                    2..40 if !closed => self.enter(number, host).await,
                    _ => self.leave(number, host).await,
                }
                sleep(Duration::from_millis(self.random.below(10))).await;
            }
        }
        let tell = self.random.below(2) == 0;
        self.heartbeat().await;
        self.end(tell).await;
        self.stays
    }
}

async fn sweep(theatre: Arc<Theatre>, call: &'static str) {
    let mut caller = theatre.db.caller(Who::Service).await;
    while !theatre.is_over() {
        caller.call(call).await.unwrap();
        sleep(Duration::from_millis(20)).await;
    }
}

/// Sends everybody home from one event after the other, until so many have ended by that; starts and ends streams.
async fn direct(theatre: &Theatre, endings: i64) {
    let mut random = Random::new(7);
    let mut service = theatre.db.caller(Who::Service).await;
    let mut host = theatre.db.caller(Who::User("host")).await;
    host.call(&format!("start_stream('{}', null, 'page-1')", stream(WITH_STREAM[0]))).await.unwrap();
    loop {
        let done =
            service.call("(select count(*) from endings where ended_by = 'absence')").await.unwrap().as_i64().unwrap();
        if done >= endings {
            break;
        }
        if done >= endings / 2 {
            // Repeating it is harmless.
            host.call(&format!("end_stream_comprehensive('{}')", stream(WITH_STREAM[0]))).await.unwrap();
            host.call(&format!("end_event('{}')", event(WITH_STREAM[1]))).await.unwrap();
            host.call(&format!("end_event('{}')", event(0))).await.unwrap();
        }
        let number = 1 + random.below(3) as usize;
        let status = format!("(select status from events where id = '{}')", event(number));
        while service.call(&status).await.unwrap() != "live" {
            sleep(Duration::from_millis(5)).await;
        }
        theatre.intermission[number].store(true, Ordering::Relaxed);
        while service.call(&status).await.unwrap() == "live" {
            sleep(Duration::from_millis(5)).await;
        }
        theatre.intermission[number].store(false, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_live_period_has_one_notice_and_none_ends_while_somebody_is_there() {
    let db = TestDatabase::new().await;
    let mut host = db.caller(Who::User("host")).await;
    let mut owner = db.owner().await;
    for number in WITH_STREAM {
        let insert = "insert into livestreams (id, streamer_id) values ($1::uuid, 'host')";
        sqlx::query(insert).bind(stream(number)).execute(&mut owner).await.unwrap();
    }
    for number in 0..EVENTS {
        let with = if WITH_STREAM.contains(&number) { format!(", '{}'", stream(number)) } else { String::new() };
        host.call(&format!("create_event('Concert', '{}'{with})", event(number))).await.unwrap();
    }
    raw_sql(SETUP).execute(&mut owner).await.unwrap();

    let theatre = Arc::new(Theatre { db, over: false.into(), intermission: Default::default() });
    let mut nodes = Vec::new();
    for number in 0..3 {
        nodes.push(tokio::spawn(Node::new(&theatre, number).await.run()));
    }
    let sweepers = ["sweep_events()", "sweep()"].map(|call| tokio::spawn(sweep(Arc::clone(&theatre), call)));
    let directed = tokio::spawn({
        let theatre = Arc::clone(&theatre);
        async move { direct(&theatre, if is_soak() { 300 } else { 12 }).await }
    });
    // Whoever fails first takes all down.
    tokio::select! {
        directed = directed => directed.unwrap(),
        failed = async { let [a, b] = sweepers; tokio::try_join!(a, b) } => { failed.unwrap(); }
    }
    theatre.over.store(true, Ordering::Relaxed);
    let mut stays = Vec::new();
    for node in nodes {
        stays.extend(node.await.unwrap());
    }

    // Everybody is gone: what is live ends, by the hand of a node at which nobody is.
    let mut service = theatre.db.caller(Who::Service).await;
    host.call("end_stream_comprehensive(p_streamer_id => 'host')").await.unwrap();
    while service.call("(select count(*) from events where status = 'live')").await.unwrap() != 0 {
        service.call("node_heartbeat('last')").await.unwrap();
        service.call("sweep()").await.unwrap();
    }

    let told = "(select coalesce(json_agg(json_build_array(e.id, e.generation)), '[]')
        from (select e.id, generate_series(1, e.generation) as generation from events e) e
        full join (select n.event_id as id, n.generation, n.state from notifications n where n.generation > 0) n
          using (id, generation)
        where n.state is null or e.generation is null)";
    assert_eq!(
        service.call(told).await.unwrap(),
        json!([]),
        "live periods without a notice, notices without a live period"
    );
    // The key of a notice is unique, so that one is all that there can be.
    let queued = "(select json_agg(t.n) from (
        select count(*) filter (where n.state = 'queued') as n from notifications n where n.generation > 0 group by n.event_id) t
        where t.n <> 1)";
    assert_eq!(
        service.call(queued).await.unwrap(),
        Value::Null,
        "within one hour each host is told once of each event"
    );
    assert_eq!(service.call("(select count(*) from streamkeeper.leases)").await.unwrap(), 0);

    let endings = service.rows("endings").await.unwrap();
    let absences: Vec<&Value> = endings.as_array().unwrap().iter().filter(|e| e["ended_by"] == "absence").collect();
    for ending in &absences {
        let (from, until) = (ending["empty_from"].as_i64().unwrap(), ending["decided_at"].as_i64().unwrap());
        let there =
            stays.iter().find(|stay| ending["event_id"] == event(stay.event) && stay.from < until && stay.until > from);
        if let Some(stay) = there {
            panic!("{ending} while somebody was there from {} until {}", stay.from, stay.until);
        }
    }
    println!(
        "{} stays, {} endings, {} of them by absence",
        stays.len(),
        endings.as_array().unwrap().len(),
        absences.len()
    );
    assert!(stays.len() > absences.len());
}
