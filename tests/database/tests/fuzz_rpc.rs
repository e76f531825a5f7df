//! Every function that may be called, with anything for arguments, by anybody: the answer is a result or the caller's own
//! mistake, never ours, and whatever was done has left the tables as they may be.

use std::sync::Arc;
use std::time::Duration;

use database_tests::garbage::{numbers, texts, values};
use database_tests::{TestDatabase, Who, cases};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};
use streamkeeper_gateway::auth::{Auth, Caller, Role};
use streamkeeper_gateway::config::Config;
use streamkeeper_gateway::database::{Database, RequestSettings};
use streamkeeper_gateway::rpc::{Call, FUNCTIONS, Rpc};
use tokio::runtime::Runtime;

const WHO: [Who; 5] = [Who::Anon, Who::User("owner"), Who::User("other"), Who::Admin("admin"), Who::Service];

/// An argument of a function: its name, its type, and whether it may be left out.
type Argument = (String, String, bool);

/// One call.
#[derive(Clone, Debug)]
struct Asked {
    function: &'static str,
    who: Who,
    given: Map<String, Value>,
    single: bool,
    writes: bool,
}

/// The functions' arguments, as the catalogue has them.
async fn arguments(db: &TestDatabase) -> Vec<(&'static str, Vec<Argument>)> {
    let rows = db
        .rows(
            "select p.proname as name, coalesce(json_agg(json_build_array(a.name, t.typname,
               a.position > p.pronargs - p.pronargdefaults) order by a.position) filter (where t.oid is not null), '[]') as arguments
             from pg_proc p
             left join lateral unnest(p.proargnames[1:p.pronargs], p.proargtypes::oid[]) with ordinality
               as a (name, type, position) on true
             left join pg_type t on t.oid = a.type
             where p.pronamespace = 'public'::regnamespace group by p.oid",
        )
        .await;
    let of = |function: &str| {
        let row = rows.as_array().unwrap().iter().find(|row| row["name"] == function).expect("it is there");
        serde_json::from_value(row["arguments"].clone()).expect("names, types and defaults")
    };
    FUNCTIONS.iter().map(|function| (*function, of(function))).collect()
}

/// Something that is in the database: of which argument it is the right value, and its id.
type Id = (&'static str, String);

/// A value that is of that type, if perhaps not the best one.
fn fitting(name: &str, sql_type: &str, ids: &[Id]) -> BoxedStrategy<Value> {
    let any_id: Vec<Value> = ids.iter().map(|(_, id)| id.as_str().into()).collect();
    let right: Vec<Value> = ids.iter().filter(|(of, _)| *of == name).map(|(_, id)| id.as_str().into()).collect();
    match sql_type {
        "uuid" if right.is_empty() => select(any_id).boxed(),
        "uuid" => prop_oneof![6 => select(right), 1 => select(any_id)].boxed(),
        "bool" => any::<bool>().prop_map(Value::Bool).boxed(),
        "int4" | "int8" | "numeric" => prop_oneof![1 => numbers(), 2 => (0..900_u32).prop_map(|n| json!(n))].boxed(),
        "timestamptz" | "date" => {
            let times = ["now", "tomorrow", "2026-01-01", "1970-01-01T00:00:00Z", "2026-06-30 12:00+02", "infinity"];
            let far = ["-infinity", "4714-11-24 00:00:00+00 BC", "294276-12-31 23:59:59+00"];
            select(times.into_iter().chain(far).map(Value::from).collect::<Vec<_>>()).boxed()
        }
        _ => prop_oneof![
            2 => select(vec![json!("owner"), json!("other"), json!("page-1"), json!("room_ended"), json!("hls")]),
            1 => texts().prop_map(Value::String),
            1 => select(any_id),
        ]
        .boxed(),
    }
}

fn calls(functions: Vec<(&'static str, Vec<Argument>)>, ids: Vec<Id>) -> impl Strategy<Value = Asked> {
    let call = select(functions).prop_flat_map(move |(function, arguments)| {
        let given: Vec<_> = arguments
            .into_iter()
            .map(|(name, sql_type, may_be_left_out)| {
                let value = prop_oneof![20 => fitting(&name, &sql_type, &ids), 1 => Just(Value::Null), 2 => values()];
                prop::option::weighted(if may_be_left_out { 0.4 } else { 0.98 }, value)
                    .prop_map(move |value| value.map(|value| (name.clone(), value)))
            })
            .collect();
        let unknown = prop::option::weighted(0.02, (texts(), values()));
        (given, unknown).prop_map(move |(given, unknown)| {
            (function, given.into_iter().flatten().chain(unknown).collect::<Map<String, Value>>())
        })
    });
    let who = prop_oneof![3 => Just(Who::User("owner")), 2 => select(WHO.to_vec())];
    (call, who, prop::bool::weighted(0.1), prop::bool::weighted(0.9))
        .prop_map(|((function, given), who, single, writes)| Asked { function, who, given, single, writes })
}

/// What may never be, whoever has done whatever. Each is a query for the rows in which it is.
const NEVER: [(&str, &str); 8] = [
    (
        "a live stream that never started, or has ended",
        "select id from livestreams
       where status = 'live' and (started_at is null or ended_at is not null)",
    ),
    (
        "an ended stream without its time, or that ended before it began",
        "select id from livestreams
       where status = 'ended' and (ended_at is null or ended_at < started_at)",
    ),
    (
        "a lease on a stream that is over",
        "select s.id from livestreams s
       join streamkeeper.leases l on l.kind = 'host' and l.subject = s.id::text where s.status = 'ended'",
    ),
    ("a lease without an end", "select subject from streamkeeper.leases where lease_seconds not between 0 and 900"),
    (
        "an open session without its room",
        "select s.id from live_room_sessions s join live_rooms r on r.id = s.room_id
       where s.status in ('scheduled', 'live') and r.current_session_id is distinct from s.id",
    ),
    (
        "a session that is not as its stream",
        "select s.id from live_room_sessions s join livestreams l on l.id = s.stream_id
       where case when s.status = 'cancelled' then 'ended' else s.status end <> l.status",
    ),
    (
        "an open attendance in a session that is over",
        "select a.id from live_room_attendance a
       join live_room_sessions s on s.id = a.session_id where a.left_at is null and s.status in ('ended', 'cancelled')",
    ),
    (
        "usage that is longer than its stream",
        "select s.id from livestreams s join weekly_usage w on w.stream_id = s.id
       group by s.id having sum(w.seconds) > extract(epoch from s.ended_at - s.started_at) + 1",
    ),
];

/// A database in which there is something of everything, and the ids of that.
async fn furnished() -> (TestDatabase, Vec<Id>) {
    let db = TestDatabase::new().await;
    db.run("insert into app_users (user_id, email) values ('owner', 'o@example.com'), ('other', 'p@example.com')")
        .await;
    let mut ids = vec![("p_stream_id", "00000000-0000-4000-8000-000000000000".to_owned())];
    for who in ["owner", "other"] {
        let mut caller = db.caller(Who::User(who)).await;
        let room = database_tests::my_room(&mut caller).await;
        let session =
            caller.call(&format!("live_room_create_session('{room}', 'a title', null, 'page-1')")).await.unwrap();
        let ended = caller.call("start_stream(p_holder => 'page-1')").await.unwrap();
        let ended = ended["stream_id"].as_str().unwrap().to_owned();
        caller.call(&format!("end_stream_comprehensive('{ended}')")).await.unwrap();
        let live = caller.call("start_stream(p_holder => 'page-2')").await.unwrap();
        let event = caller.call("create_event('an event')").await.unwrap();
        let text = |value: &Value, name: &str| value[name].as_str().unwrap().to_owned();
        ids.extend([
            ("p_room_id", room),
            ("p_session_id", text(&session, "id")),
            ("p_event_id", text(&event, "event_id")),
        ]);
        ids.extend([text(&session, "stream_id"), ended, text(&live, "stream_id")].map(|id| ("p_stream_id", id)));
    }
    (db, ids)
}

struct Server {
    rpc: Rpc,
    db: TestDatabase,
}

impl Server {
    fn new(db: TestDatabase) -> Server {
        let url = db.url();
        let config = Config::from_variables(false, &|name| match name {
            "DATABASE_URL" => Some(url.clone()),
            "JWT_SECRET" => Some("a secret of more than thirty-two characters".to_owned()),
            _ => None,
        });
        let auth = Arc::new(Auth::new(&config.expect("it is right")));
        let database = Database::new(db.options(), Duration::from_secs(30));
        Server { rpc: Rpc { auth, database, functions: FUNCTIONS }, db }
    }

    async fn call(&self, asked: &Asked) {
        let role = match asked.who {
            Who::Anon => Role::Anon,
            Who::User(_) | Who::Admin(_) => Role::Authenticated,
            Who::Service => Role::Service,
        };
        let Value::Object(claims) = asked.who.claims() else { panic!("claims are an object") };
        let call =
            Call { function: asked.function, arguments: &asked.given, single: asked.single, writes: asked.writes };
        match self.rpc.run(Caller { role, claims }, &RequestSettings::default(), call).await {
            Ok(answer) => {
                let json = answer.as_deref().map_or(Ok(Value::Null), serde_json::from_str::<Value>);
                assert!(json.is_ok(), "{asked:?}: {answer:?} is no JSON");
            }
            Err(error) => {
                assert!(error.status().is_client_error(), "{asked:?}: {error:?}");
                assert!(!error.message().is_empty(), "{asked:?}: {error:?}");
            }
        }
    }

    async fn is_sound(&self) {
        let found = NEVER.map(|(what, sql)| format!("select '{what}' as what, t::text as row from ({sql}) t"));
        assert_eq!(self.db.rows(&found.join(" union all ")).await, json!([]));
    }
}

#[test]
fn whatever_is_asked_for_the_answer_is_a_result_or_the_callers_own_mistake() {
    let runtime = Runtime::new().unwrap();
    let (server, functions, ids) = runtime.block_on(async {
        let (db, ids) = furnished().await;
        let functions = arguments(&db).await;
        (Server::new(db), functions, ids)
    });
    let many = prop::collection::vec(calls(functions, ids), 10);
    proptest!(ProptestConfig::with_cases(cases(100)), |(asked in many)| {
        runtime.block_on(async {
            for asked in &asked {
                server.call(asked).await;
            }
            server.is_sound().await;
        });
    });
}
