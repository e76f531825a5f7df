//! Presence at an event: one socket for each, opened again when it is lost, and never when nobody is there.

use engine_tests::World;
use streamkeeper::engine::{Input, PageEvent, SocketEvent, SocketId, SocketOutput, Value, id::EventId};

const EVENT: &str = "44444444-4444-4444-8444-444444444444";

fn event() -> EventId {
    EventId::parse("eventId", Some(&EVENT.into())).unwrap()
}

fn watch(world: &mut World, on: bool) {
    world.handle(Input::WatchEvent { event: event(), on });
}

fn newest(world: &World) -> SocketId {
    world.sockets.iter().rfind(|(_, _, output)| matches!(output, SocketOutput::Open(_))).unwrap().1
}

fn says(world: &mut World, message: Value) {
    let socket = newest(world);
    world.handle(Input::Socket { socket, event: SocketEvent::Message(message) });
}

fn closes(world: &mut World, code: u32) {
    let socket = newest(world);
    world.handle(Input::Socket { socket, event: SocketEvent::Closed(code) });
}

fn welcome(world: &mut World, viewers: u32, expires_at: Value) {
    let message = [("type", "welcome".into()), ("viewers", viewers.into()), ("expires_at", expires_at)];
    says(world, Value::object(message));
}

fn message(kind: &str) -> Value {
    Value::object([("type", kind.into())])
}

fn opened(world: &World) -> usize {
    world.sockets.iter().filter(|(_, _, output)| matches!(output, SocketOutput::Open(_))).count()
}

fn last(world: &World) -> &'static str {
    world.sockets.last().map_or("nothing", |(_, _, output)| output.name())
}

fn state(world: &World) -> (String, Value) {
    let snapshot = world.manager.snapshot();
    let entry = snapshot.get("events").and_then(|all| all.get(EVENT)).cloned().unwrap_or_default();
    (entry.text("status").unwrap_or_default().to_owned(), entry.get("viewers").cloned().unwrap_or_default())
}

/// Somebody who is there.
fn watching() -> World {
    let mut world = World::new();
    watch(&mut world, true);
    welcome(&mut world, 3, Value::Null);
    world
}

#[test]
fn however_many_watch_there_is_one_socket_and_the_last_says_goodbye() {
    let mut world = watching();
    watch(&mut world, true);
    assert_eq!((opened(&world), state(&world)), (1, ("open".into(), 3.into())));
    says(&mut world, Value::object([("type", "viewers".into()), ("count", 4.into())]));
    says(&mut world, Value::object([("type", "viewers".into()), ("count", 4.into())]));
    assert_eq!(world.count("viewers"), 2, "told when it is another number");
    watch(&mut world, false);
    assert_eq!(last(&world), "open");
    watch(&mut world, false);
    assert_eq!((last(&world), state(&world).0.as_str()), ("close", ""));
    world.pass(3_600_000);
    assert_eq!(opened(&world), 1);
}

#[test]
fn what_is_no_number_of_viewers_is_not_told() {
    let mut world = watching();
    for wrong in [Value::Number(f64::NAN), Value::Number(-1.0), Value::Number(f64::INFINITY), "5".into(), Value::Null] {
        says(&mut world, Value::object([("type", "viewers".into()), ("count", wrong)]));
        assert_eq!((world.count("viewers"), state(&world).1), (1, 3.into()));
    }
}

#[test]
fn no_node_sends_a_viewer_away_for_more_than_a_minute() {
    let mut world = watching();
    says(&mut world, Value::object([("type", "moving".into()), ("retry_after_ms", Value::Number(1e300))]));
    closes(&mut world, 1001);
    world.pass(59_000);
    assert_eq!(opened(&world), 1);
    world.pass(2_000);
    assert_eq!(opened(&world), 2);
}

#[test]
fn only_a_welcome_counts() {
    let mut world = World::new();
    watch(&mut world, true);
    says(&mut world, Value::object([("type", "viewers".into()), ("count", 4.into())]));
    assert_eq!(state(&world).0, "connecting");
    world.pass(10_000);
    assert_eq!((opened(&world), last(&world)), (1, "close"));
    world.pass(3_000);
    assert_eq!(opened(&world), 2);
}

#[test]
fn a_lost_socket_comes_back_with_pauses_and_what_is_heard_of_it_is_ignored() {
    let mut world = watching();
    let old = newest(&world);
    closes(&mut world, 1006);
    assert_eq!((opened(&world), state(&world)), (1, ("connecting".into(), Value::Null)));
    world.pass(3_000);
    assert_eq!(opened(&world), 2);
    world.handle(Input::Socket { socket: old, event: SocketEvent::Closed(1006) });
    welcome(&mut world, 1, Value::Null);
    world.handle(Input::Socket { socket: old, event: SocketEvent::Message(message("viewers")) });
    assert_eq!(state(&world), ("open".into(), 1.into()));
}

#[test]
fn what_is_refused_or_over_is_not_tried_again_until_somebody_asks_anew() {
    for (code, status) in [(4400, "refused"), (4403, "refused"), (4404, "refused"), (4410, "ended")] {
        let mut world = watching();
        closes(&mut world, code);
        world.pass(3_600_000);
        assert_eq!((opened(&world), state(&world).0.as_str()), (1, status));
        watch(&mut world, true);
        assert_eq!(opened(&world), 2);
    }
}

#[test]
fn a_token_that_has_run_out_is_replaced_at_once_but_not_for_ever() {
    let mut world = watching();
    closes(&mut world, 4401);
    assert_eq!(opened(&world), 2, "with a fresh one");
    closes(&mut world, 4401);
    assert_eq!(opened(&world), 2, "which was no better");
    world.pass(4_000);
    assert_eq!(opened(&world), 3);
    // Nor for a gateway that welcomes and then closes.
    welcome(&mut world, 1, Value::Null);
    closes(&mut world, 4401);
    assert_eq!(opened(&world), 3);
}

#[test]
fn a_token_is_replaced_before_it_ends() {
    let mut world = World::new();
    watch(&mut world, true);
    let ends = (world.now + 600_000) / 1_000;
    welcome(&mut world, 1, Value::Number(ends as f64));
    let mut asked = 0;
    while last(&world) != "authenticate" {
        world.pass(1_000);
        if last(&world) == "ping" {
            asked += 1;
            says(&mut world, message("pong"));
        }
        assert!(world.now < ends * 1_000, "too late");
    }
    assert!(asked > 0 && world.now >= ends * 1_000 - 61_000, "{asked}");
    says(&mut world, Value::object([("type", "authenticated".into()), ("expires_at", Value::Null)]));
    assert_eq!(opened(&world), 1);
}

#[test]
fn a_connection_that_has_silently_died_is_found_within_one_interval_and_a_timeout() {
    let mut world = watching();
    let since = world.now;
    world.pass(30_000);
    assert_eq!(last(&world), "ping");
    says(&mut world, message("pong"));
    world.pass(30_000);
    assert_eq!((last(&world), opened(&world)), ("ping", 1));
    world.pass(10_000);
    assert_eq!((last(&world), world.now - since), ("close", 70_000));
}

#[test]
fn a_page_that_nobody_can_be_at_has_no_socket_and_a_hidden_one_keeps_it() {
    let mut world = watching();
    world.page(PageEvent::Hidden);
    assert_eq!(last(&world), "open", "whoever listens in another tab watches");
    for (gone, back) in [
        (PageEvent::Offline, PageEvent::Online),
        (PageEvent::Freeze, PageEvent::Resume),
        (PageEvent::PageHide { persisted: true }, PageEvent::PageShow),
    ] {
        let before = opened(&world);
        world.page(gone);
        assert_eq!(last(&world), "close", "{gone:?}");
        world.pass(60_000);
        world.page(back);
        assert_eq!(opened(&world), before + 1, "{back:?}");
        welcome(&mut world, 1, Value::Null);
    }
}

#[test]
fn a_node_that_stops_says_when_to_come_back() {
    let mut world = watching();
    says(&mut world, Value::object([("type", "moving".into()), ("retry_after_ms", 5_000.into())]));
    closes(&mut world, 1001);
    world.pass(4_999);
    assert_eq!(opened(&world), 1);
    world.pass(1);
    assert_eq!(opened(&world), 2);
}

#[test]
fn somebody_else_counts_by_a_socket_of_their_own() {
    let mut world = watching();
    says(&mut world, Value::object([("type", "introduced".into()), ("user", "ana".into())]));
    world.handle(Input::User { id: Some("ana".to_owned()) });
    world.handle(Input::User { id: Some("ben".to_owned()) });
    let outputs: Vec<&str> = world.sockets.iter().map(|(_, _, output)| output.name()).collect();
    assert_eq!(outputs, ["open", "close", "open"]);
}

#[test]
fn dispose_closes_it() {
    let mut world = watching();
    world.handle(Input::Dispose);
    assert_eq!(last(&world), "close");
}

#[test]
fn two_pages_do_not_come_back_at_the_same_time() {
    let pauses = |holder: &str| {
        let mut world = World::held_by(holder);
        watch(&mut world, true);
        let mut opened_at = Vec::new();
        for _ in 0..6 {
            closes(&mut world, 1006);
            world.pass(30_000);
            opened_at.push(world.sockets.last().unwrap().0);
        }
        opened_at
    };
    assert_ne!(pauses("one page"), pauses("another"));
}

#[test]
fn a_deadline_of_the_token_dies_with_its_socket() {
    let mut world = World::new();
    watch(&mut world, true);
    let ends = (world.now + 300_000) / 1_000;
    welcome(&mut world, 1, Value::Number(ends as f64));
    world.page(PageEvent::Freeze);
    world.now += 600_000;
    world.page(PageEvent::Resume);
    assert_eq!(last(&world), "open", "nothing is said before the hello");
    assert!(world.manager.next_wakeup().is_none_or(|at| at > world.now), "the driver would spin");
}

#[test]
fn a_clock_that_is_ahead_does_not_ask_without_end() {
    let mut world = World::new();
    watch(&mut world, true);
    let past = (world.now - 3_600_000) / 1_000;
    welcome(&mut world, 1, Value::Number(past as f64));
    let mut asked = 0;
    for _ in 0..120 {
        let before = world.sockets.len();
        world.pass(1_000);
        if world.sockets[before..].iter().any(|(_, _, output)| *output == SocketOutput::Authenticate) {
            asked += 1;
            says(
                &mut world,
                Value::object([("type", "authenticated".into()), ("expires_at", Value::Number(past as f64))]),
            );
        }
    }
    assert!((1..=4).contains(&asked), "{asked}");
}

#[test]
fn in_a_busy_event_what_was_before_is_past_as_well() {
    let mut world = watching();
    let mut longest = 0;
    for _ in 0..8 {
        for count in 0..60 {
            world.pass(1_000);
            says(&mut world, Value::object([("type", "viewers".into()), ("count", count.into())]));
        }
        let lost_at = world.now;
        let before = opened(&world);
        closes(&mut world, 1006);
        while opened(&world) == before {
            world.pass(100);
        }
        longest = longest.max(world.now - lost_at);
        welcome(&mut world, 1, Value::Null);
    }
    assert!(longest <= 3_100, "{longest}");
}

#[test]
fn whoever_was_introduced_as_somebody_else_comes_again() {
    let introduced = |world: &mut World, user: Value| {
        says(world, Value::object([("type", "introduced".into()), ("user", user)]));
    };
    let mut world = World::new();
    watch(&mut world, true);
    introduced(&mut world, "ana".into());
    welcome(&mut world, 1, Value::Null);
    // The page learns who is signed in by a call of its own: that is no other.
    world.handle(Input::User { id: Some("ana".to_owned()) });
    assert_eq!(opened(&world), 1);
    // After a sign-out the app's token is still hers for a while.
    world.call("disconnectUser", &Value::object([]));
    assert_eq!((opened(&world), last(&world)), (1, "close"));
    world.pass(2_000);
    assert_eq!(opened(&world), 2);
    introduced(&mut world, Value::Null);
    welcome(&mut world, 1, Value::Null);
    world.handle(Input::User { id: Some("ben".to_owned()) });
    assert_eq!(opened(&world), 3);
}

#[test]
fn whoever_signs_in_without_a_network_sees_that_what_was_refused_is_tried_again() {
    let mut world = watching();
    closes(&mut world, 4403);
    world.page(PageEvent::Offline);
    let told = world.changes;
    world.handle(Input::User { id: Some("ben".to_owned()) });
    assert_eq!((state(&world).0.as_str(), world.changes), ("connecting", told + 1));
}
