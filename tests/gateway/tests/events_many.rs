//! Three nodes on one PostgreSQL, and a crowd that comes, leaves and moves at random, while nodes are killed, stopped and
//! started, PostgreSQL is killed, and the mail server refuses. Each live period has one notice, none while anybody is there.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use database_tests::{Random, is_soak};
use gateway_tests::mail_server::{MailServer, Mood};
use gateway_tests::postgres::Postgres;
use gateway_tests::program::{Log, program, signal};
use gateway_tests::viewer::{Heard, Viewer};
use gateway_tests::{Answer, SECRET, client, user};
use serde_json::json;
use sqlx::{AssertSqlSafe, raw_sql};
use tokio::process::Child;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

const NODES: usize = 3;
const EVENTS: usize = 24;
const VIEWERS: usize = 1_500;

/// Who is counted is in the database this much later, unless that is away; and then nothing ends for longer than this.
const LATENESS: f64 = 3.0;

/// Somebody was at an event from when to when, in seconds since 1970.
#[derive(Debug, Clone, Copy)]
struct Stay {
    event: usize,
    from: f64,
    to: f64,
}

/// What the crowd knows.
struct World {
    nodes: Vec<SocketAddr>,
    events: Vec<String>,
    /// Which events people go to now.
    open: Vec<watch::Sender<bool>>,
    stays: Mutex<Vec<Stay>>,
    is_over: watch::Sender<bool>,
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

fn millis(random: &mut Random, from: u64, to: u64) -> Duration {
    Duration::from_millis(from + random.below(to - from))
}

/// One node: started, and its log kept from filling the pipe.
async fn start(address: SocketAddr, database: &str, smtp: &str) -> Child {
    let bind = address.to_string();
    let variables = [
        ("DATABASE_URL", database),
        ("JWT_SECRET", SECRET),
        ("BIND", &bind),
        ("RUST_LOG", "off"),
        ("SMTP_URL", smtp),
        ("MAIL_FROM", "streamkeeper@example.org"),
    ];
    let mut child = program(&["serve"], &variables).spawn().expect("it starts");
    let mut log = Log::of(&mut child);
    drop(tokio::spawn(async move {
        while let Some(line) = log.next_line().await {
            eprintln!("{line}")
        }
    }));
    while client().get(format!("http://{address}/health")).send().await.is_err() {
        assert!(child.try_wait().unwrap().is_none(), "it runs");
        tokio::task::yield_now().await;
    }
    child
}

/// One of the crowd.
async fn wander(world: Arc<World>, n: usize) {
    let mut random = Random::new(n as u64);
    let address = IpAddr::V4(Ipv4Addr::new(127, 1, (n / 100) as u8, (n % 100) as u8 + 1));
    let hello = match n % 3 {
        0 => json!({"type": "hello"}),
        _ => json!({"type": "hello", "token": user(&format!("viewer-{n}"))}),
    };
    let mut is_over = world.is_over.subscribe();
    while !*is_over.borrow() {
        let event = random.below(EVENTS as u64) as usize;
        let node = world.nodes[random.below(NODES as u64) as usize];
        if *world.open[event].borrow()
            && let Some(mut viewer) = Viewer::from(address, node, &world.events[event]).await
        {
            viewer.say(hello.clone()).await;
            if let Heard::Said(welcome) = viewer.next().await
                && welcome["type"] == "welcome"
            {
                let from = now();
                let mut open = world.open[event].subscribe();
                tokio::select! {
                    () = sleep(millis(&mut random, 100, 8_000)) => {}
                    _ = open.wait_for(|open| !open) => {}
                    _ = viewer.closed() => {}
                }
                world.stays.lock().unwrap().push(Stay { event, from, to: now() });
                match random.below(2) {
                    0 => viewer.say(json!({"type": "bye"})).await,
                    _ => viewer.vanish(),
                }
            }
        }
        let _ = timeout(millis(&mut random, 100, 4_000), is_over.wait_for(|over| *over)).await;
    }
}

/// Opens and closes an event: for less than its grace, or for longer.
async fn schedule(world: Arc<World>, event: usize) {
    let mut random = Random::new(10_000 + event as u64);
    let mut is_over = world.is_over.subscribe();
    while !*is_over.borrow() {
        world.open[event].send_replace(true);
        let _ = timeout(millis(&mut random, 1_000, 8_000), is_over.wait_for(|over| *over)).await;
        world.open[event].send_replace(false);
        let _ = timeout(millis(&mut random, 2_000, 14_000), is_over.wait_for(|over| *over)).await;
    }
}

async fn sql(postgres: &Postgres, statement: &str) {
    raw_sql(AssertSqlSafe(statement)).execute(&mut postgres.connect().await).await.expect("the statement works");
}

/// No notice is within an hour of the one before, however slow this machine is; when it was made is known all the same.
const HOURS_PASS: &str = "
create function public.two_hours_ago() returns trigger language plpgsql set search_path = '' as $$
  begin
    new.created_at := new.created_at - interval '2 hours';
    return new;
  end
  $$;
create trigger two_hours_ago before insert on notifications for each row execute function public.two_hours_ago()";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_live_period_has_one_notice_and_none_while_anybody_is_there() {
    let mut postgres = Postgres::start("events").await;
    sql(
        &postgres,
        "create or replace function streamkeeper.hand_over_seconds() returns integer
           language sql immutable set search_path = '' as $$ select 8 $$;
         insert into app_users (user_id, email) values ('host', 'host@example.org')",
    )
    .await;
    sql(&postgres, HOURS_PASS).await;
    let mut mails = MailServer::start().await;
    let smtp = format!("smtp://{}", mails.address);
    // Addresses that are nobody else's: a port stays free until the node takes it, and while it is dead.
    let free = |n| TcpListener::bind((Ipv4Addr::new(127, 2, 0, n), 0)).and_then(|held| held.local_addr()).unwrap();
    let nodes: Vec<SocketAddr> = (1..=NODES as u8).map(free).collect();
    let mut children = Vec::new();
    for node in &nodes {
        children.push(start(*node, &postgres.url(), &smtp).await);
    }
    let mut events = Vec::new();
    for n in 0..EVENTS {
        let request = client().post(format!("http://{}/events", nodes[n % NODES])).bearer_auth(user("host"));
        let answer = Answer::of(request.json(&json!({"title": format!("Event {n}"), "grace_seconds": 5}))).await;
        events.push(answer.json()["event_id"].as_str().expect("it is made").to_owned());
    }

    let open = (0..EVENTS).map(|_| watch::Sender::new(false)).collect();
    let world = Arc::new(World { nodes, events, open, stays: Mutex::default(), is_over: watch::Sender::new(false) });
    let mut crowd = JoinSet::new();
    for n in 0..VIEWERS {
        crowd.spawn(wander(Arc::clone(&world), n));
    }
    for event in 0..EVENTS {
        crowd.spawn(schedule(Arc::clone(&world), event));
    }

    let mut random = Random::new(7);
    let (mut killed, mut stopped, mut crashed) = (0, 0, 0);
    let end = Instant::now() + Duration::from_secs(if is_soak() { 15 * 60 } else { 60 });
    let mut step = 0;
    while Instant::now() < end {
        sleep(millis(&mut random, 500, 2_500)).await;
        step += 1;
        let n = random.below(NODES as u64) as usize;
        match step % 7 {
            1 | 4 => {
                children[n].kill().await.unwrap();
                killed += 1;
                sleep(millis(&mut random, 0, 2_000)).await;
                children[n] = start(world.nodes[n], &postgres.url(), &smtp).await;
            }
            2 => {
                signal(&children[n], "-TERM").await;
                children[n].wait().await.unwrap();
                stopped += 1;
                children[n] = start(world.nodes[n], &postgres.url(), &smtp).await;
            }
            3 => mails.is_now(Mood::Refusing("451 not now")),
            5 => mails.is_now(Mood::Good),
            6 => {
                postgres.kill();
                crashed += 1;
                sleep(millis(&mut random, 0, 2_000)).await;
                postgres.run().await;
            }
            _ => {}
        }
    }

    world.is_over.send_replace(true);
    while crowd.join_next().await.is_some() {}
    mails.is_now(Mood::Good);
    // Everything settles: all events have ended, and every notice is sent. What waits for its next try need not.
    let mut connection = postgres.connect().await;
    let patience = Instant::now() + Duration::from_secs(300);
    loop {
        sql(&postgres, "update graphile_worker._private_jobs set run_at = now() where locked_at is null").await;
        let settled: bool = sqlx::query_scalar(
            "select not exists (select from events where status = 'live')
               and not exists (select from notifications where state <> 'sent')",
        )
        .fetch_one(&mut connection)
        .await
        .unwrap();
        if settled {
            break;
        }
        assert!(Instant::now() < patience, "there are events that do not end, or notices that are not sent");
        sleep(Duration::from_millis(500)).await;
    }

    let endings: i64 =
        sqlx::query_scalar("select sum(generation) from events").fetch_one(&mut connection).await.unwrap();
    let rows: Vec<(String, i32, f64, i32)> = sqlx::query_as(
        "select n.event_id::text, n.generation, extract(epoch from n.created_at)::float8 + 7200, n.attempts
         from notifications n order by n.created_at",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let missing: i64 = sqlx::query_scalar(
        "select count(*) from events e, generate_series(1, e.generation) g
         where not exists (select from notifications n where n.event_id = e.id and n.generation = g)",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    let mut sent: BTreeMap<String, usize> = BTreeMap::new();
    for mail in mails.rest() {
        *sent.entry(mail.header("Message-ID")).or_default() += 1;
    }
    let again: usize = sent.values().map(|times| times - 1).sum();
    let stays = world.stays.lock().unwrap().clone();
    let while_there = rows.iter().filter(|(event, _, at, _)| {
        stays.iter().any(|stay| world.events[stay.event] == *event && stay.from < at - LATENESS && stay.to > *at)
    });
    let while_there = while_there.count();
    let retried = rows.iter().filter(|row| row.3 > 1).count();
    println!(
        "{} stays of {VIEWERS} viewers at {EVENTS} events; nodes killed {killed}, stopped {stopped}; PostgreSQL killed {crashed}\n\
         endings {endings}, notices {}, mails {}, of those that were tried again {retried}, the same mail once more {again}, \
         missing {missing}, while somebody was there {while_there}",
        stays.len(),
        rows.len(),
        sent.len(),
    );
    assert!(endings >= 24, "the crowd made something happen");
    assert_eq!((rows.len() as i64, missing, while_there), (endings, 0, 0));
    assert_eq!(sent.len(), rows.len());
    for (event, generation, _, _) in &rows {
        assert!(sent.contains_key(&format!("<event-ended-{event}-{generation}@example.org>")), "{event} {generation}");
    }
    // Only who dies between the mail server's word and the database's sends the same once more.
    assert!(again <= killed + stopped + crashed, "{again}");
}
