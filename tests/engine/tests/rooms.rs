//! Rooms: going live once, coming back, ending by the right way, and the listing.

use engine_tests::{World, error, ok};
use streamkeeper::engine::{Answer, CallId, Code, FeedEvent, Input, PageEvent, Value};

const ROOM: &str = "11111111-1111-4111-8111-111111111111";
const STREAM: &str = "22222222-2222-4222-8222-222222222222";
const OTHER: &str = "33333333-3333-4333-8333-333333333333";

fn world() -> World {
    World::new()
}

/// A world with a gateway beside its backend.
fn with_gateway() -> World {
    let backend = [("url", "http://backend.test".into()), ("gatewayUrl", "http://gateway.test".into())];
    World::configured(Value::object([("backend", Value::object(backend))]))
}

fn room_call(world: &mut World, method: &str) -> CallId {
    world.call(method, &Value::object([("roomId", ROOM.into())]))
}

fn go_live(world: &mut World, options: Value) -> CallId {
    world.call("goLive", &Value::object([("roomId", ROOM.into()), ("options", options)]))
}

fn session(id: &str, stream: &str, status: &str) -> Value {
    Value::object([
        ("id", id.into()),
        ("room_id", ROOM.into()),
        ("stream_id", stream.into()),
        ("status", status.into()),
        ("host_user_id", "ana".into()),
    ])
}

fn http(body: Value) -> Answer {
    Answer::Http { status: 200, body: Some(body) }
}

fn live() -> Answer {
    http(session("s1", STREAM, "live"))
}

/// What `get_live_room` says.
fn read(is_host: bool, open: Value) -> Answer {
    let status = if open == Value::Null { "idle" } else { "live" };
    let body = [("status", status.into()), ("is_host", is_host.into()), ("current_session", open)];
    http(Value::object(body))
}

fn conflict() -> Answer {
    error(409, "PT409")
}

fn room(world: &World, field: &str) -> Value {
    let snapshot = world.manager.snapshot();
    snapshot.get("rooms").and_then(|all| all.get(ROOM)?.get(field)).cloned().unwrap_or_default()
}

fn functions(world: &World) -> Vec<&str> {
    world.sent.iter().map(|sent| sent.rpc.function).collect()
}

/// A world in which this page is live in its room.
fn hosting(mut world: World) -> World {
    let call = go_live(&mut world, Value::Null);
    world.answer(live());
    assert!(world.result(call).is_some_and(Result::is_ok));
    world.sent.clear();
    world
}

#[test]
fn however_many_clicks_one_session_is_asked_for_and_held() {
    let mut world = world();
    let calls: Vec<CallId> = (0..20).map(|_| go_live(&mut world, Value::Null)).collect();
    assert_eq!(functions(&world), ["live_room_create_session"]);
    assert_eq!(room(&world, "status"), "going_live".into());
    world.answer(live());
    for call in calls {
        assert_eq!(world.result(call).unwrap().as_ref().unwrap().text("stream_id"), Some(STREAM));
    }
    assert_eq!((room(&world, "status"), room(&world, "isHost")), ("live".into(), true.into()));
    assert_eq!(world.status(STREAM), "live");
    assert_eq!(world.renewals.last().unwrap().stream(), STREAM, "the page holds it");
    // One more click finds it live, and asks nobody.
    let again = go_live(&mut world, Value::Null);
    assert_eq!(world.result(again).unwrap().as_ref().unwrap().text("id"), Some("s1"));
    assert_eq!(world.sent.len(), 1);
}

#[test]
fn a_lost_answer_is_asked_for_with_the_same_key_also_by_a_later_click() {
    let mut world = world();
    let first = go_live(&mut world, Value::Null);
    for _ in 0..3 {
        world.answer(Answer::Unreachable);
        world.pass(3_000);
    }
    assert_eq!(world.result(first).unwrap().as_ref().unwrap_err().code, Code::Offline);
    assert_eq!((world.sent.len(), room(&world, "status")), (3, "idle".into()));
    assert!(room(&world, "lastError").as_text().is_some());
    let second = go_live(&mut world, Value::Null);
    let key = |at: usize| world.sent[at].rpc.arguments.text("p_idempotency_key").unwrap().to_owned();
    assert!((1..4).all(|at| key(at) == key(0)), "one key");
    // Something else is not the same again.
    world.answer(live());
    assert!(world.result(second).unwrap().is_ok());
    let _ = room_call(&mut world, "endRoom");
    world.answer(ok("ended"));
    go_live(&mut world, Value::Null);
    let last = world.sent.last().unwrap().rpc.arguments.text("p_idempotency_key").unwrap().to_owned();
    assert_ne!(last, world.sent[0].rpc.arguments.text("p_idempotency_key").unwrap());
}

#[test]
fn another_title_after_a_lost_answer_has_another_key_and_the_apps_own_key_goes_first() {
    let mut world = World::with(Value::object([("maxAttempts", 1.into())]));
    go_live(&mut world, Value::object([("title", "a".into())]));
    world.answer(Answer::Unreachable);
    go_live(&mut world, Value::object([("title", "b".into())]));
    world.answer(Answer::Unreachable);
    go_live(&mut world, Value::object([("title", "b".into()), ("idempotencyKey", "mine".into())]));
    let keys: Vec<&str> = world.sent.iter().filter_map(|sent| sent.rpc.arguments.text("p_idempotency_key")).collect();
    assert_ne!(keys[0], keys[1]);
    assert_eq!(keys[2], "mine");
}

#[test]
fn a_room_that_is_live_elsewhere_is_a_conflict_and_is_taken_over_only_on_request() {
    let mut world = world();
    let call = go_live(&mut world, Value::Null);
    world.answer(conflict());
    let error = world.result(call).unwrap().as_ref().unwrap_err();
    assert_eq!((error.code, error.cause.text("code")), (Code::Conflict, Some("PT409")));
    // What stands in the way is read, and seen.
    assert_eq!(functions(&world), ["live_room_create_session", "get_live_room"]);
    world.answer(read(true, session("s0", OTHER, "live")));
    assert_eq!((room(&world, "status"), room(&world, "isHost")), ("live".into(), true.into()));
    assert_eq!(world.status(OTHER), "", "this page does not hold it");
    go_live(&mut world, Value::object([("takeOver", true.into())]));
    assert_eq!(world.sent.last().unwrap().rpc.arguments.get("p_take_over"), Some(&true.into()));
    world.answer(live());
    assert_eq!(room(&world, "session").text("id"), Some("s1"));
}

#[test]
fn a_session_that_has_ended_by_now_is_not_held() {
    let mut world = world();
    let call = go_live(&mut world, Value::object([("idempotencyKey", "used".into())]));
    world.answer(http(session("s1", STREAM, "ended")));
    assert!(world.result(call).unwrap().is_ok());
    assert_eq!((world.status(STREAM).as_str(), room(&world, "status")), ("", "idle".into()));
    assert!(world.renewals.is_empty());
}

#[test]
fn refusals_are_final_and_named() {
    for (status, code, expected) in
        [(403, "42501", Code::NotAllowed), (404, "PT404", Code::NotFound), (422, "PT422", Code::Rejected)]
    {
        let mut world = world();
        let call = go_live(&mut world, Value::Null);
        world.answer_error(status, code);
        assert_eq!(world.result(call).unwrap().as_ref().unwrap_err().code, expected);
        world.pass(60_000);
        assert_eq!(world.sent.len(), 1, "{code}");
    }
    // A function that is not there yet is tried again.
    let mut world = world();
    let call = go_live(&mut world, Value::Null);
    world.answer_error(404, "PGRST202");
    world.pass(1_000);
    assert_eq!((world.sent.len(), world.result(call).is_none()), (2, true));
}

#[test]
fn an_end_goes_by_the_gateway_first_and_by_the_database_when_that_fails() {
    let mut world = hosting(with_gateway());
    let calls = [room_call(&mut world, "endRoom"), room_call(&mut world, "endRoom")];
    assert_eq!(room(&world, "status"), "ending".into());
    let first = world.sent.last().unwrap().rpc.clone();
    assert_eq!(first.route.as_deref(), Some("/rooms/11111111-1111-4111-8111-111111111111/end"));
    assert_eq!((first.arguments.text("session_id"), first.keepalive), (Some("s1"), true));
    assert_eq!(world.stored.len(), 1, "written down first");
    world.answer(Answer::Unreachable);
    world.pass(1_000);
    let second = world.sent.last().unwrap().rpc.clone();
    assert_eq!((second.route, second.arguments.text("p_session_id")), (None, Some("s1")));
    let attempts = (first.arguments.get("attempt").cloned(), second.arguments.get("p_attempt").cloned());
    assert_eq!(attempts, (Some(1.into()), Some(2.into())));
    world.answer(ok("ended"));
    for call in calls {
        let result = world.result(call).unwrap().as_ref().unwrap();
        assert_eq!((result.text("via"), result.flag("already")), (Some("database"), false));
    }
    assert_eq!((world.sent.len(), world.count("end"), world.stored.len()), (2, 1, 0));
    assert_eq!((room(&world, "status"), room(&world, "session")), ("idle".into(), Value::Null));
}

#[test]
fn a_gateway_that_takes_no_token_of_ours_is_one_that_is_away() {
    let mut world = hosting(with_gateway());
    let call = room_call(&mut world, "endRoom");
    world.answer_error(401, "PGRST301");
    world.answer_error(401, "PGRST301");
    world.pass(1_000);
    world.answer(ok("ended"));
    assert_eq!(world.result(call).unwrap().as_ref().unwrap().text("via"), Some("database"));
}

#[test]
fn the_meetings_own_word_and_the_button_are_one_end() {
    let mut world = hosting(with_gateway());
    let meeting = world.attach(STREAM, "host");
    world.emit(meeting, "videoConferenceJoined");
    let call = room_call(&mut world, "endRoom");
    world.emit(meeting, "videoConferenceLeft");
    world.emit(meeting, "readyToClose");
    world.answer(ok("ended"));
    world.pass(60_000);
    assert_eq!(world.result(call).unwrap().as_ref().unwrap().text("via"), Some("gateway"));
    assert_eq!((world.sent.len(), world.count("end")), (1, 1));
}

#[test]
fn an_end_that_cannot_be_delivered_is_queued_and_goes_on() {
    let mut world = hosting(world());
    let call = room_call(&mut world, "endRoom");
    while world.result(call).is_none() {
        world.answer(Answer::Unreachable);
        world.renewal_answer = Some(Answer::Unreachable);
        world.pass(1_000);
    }
    let result = world.result(call).unwrap().as_ref().unwrap();
    assert_eq!((result.text("status"), result.text("via")), (Some("queued"), Some("outbox")));
    assert_eq!(world.stored.len(), 1);
    assert_eq!(room(&world, "session").text("id"), Some("s1"), "it is live until somebody has heard of its end");
    world.page(PageEvent::Online);
    world.answer(ok("ended"));
    assert_eq!((world.stored.len(), room(&world, "session")), (0, Value::Null));
}

#[test]
fn a_room_of_which_nothing_is_known_is_ended_by_its_id() {
    let mut world = with_gateway();
    let call = room_call(&mut world, "endRoom");
    assert!(world.sent[0].rpc.route.is_some());
    world.answer(Answer::Unreachable);
    assert_eq!((world.sent.len(), world.sent[1].rpc.route.clone()), (2, None));
    world.answer(ok("already_ended"));
    let result = world.result(call).unwrap().as_ref().unwrap();
    assert_eq!((result.text("via"), result.flag("already")), (Some("database"), true));
    let refused = room_call(&mut world, "endRoom");
    world.answer_error(403, "42501");
    assert_eq!(world.result(refused).unwrap().as_ref().unwrap_err().code, Code::NotAllowed);
}

#[test]
fn going_live_waits_for_the_end_of_what_was() {
    let mut world = hosting(world());
    let ended = room_call(&mut world, "endRoom");
    let live_again = go_live(&mut world, Value::Null);
    assert_eq!(functions(&world), ["live_room_end"]);
    world.answer(ok("ended"));
    assert!(world.result(ended).unwrap().is_ok());
    assert_eq!(functions(&world), ["live_room_end", "live_room_create_session"]);
    world.answer(http(session("s2", OTHER, "live")));
    assert!(world.result(live_again).unwrap().is_ok());
    assert_eq!((world.status(STREAM).as_str(), world.status(OTHER).as_str()), ("ended", "live"));
}

#[test]
fn who_is_host_is_the_hint_until_the_database_has_said_so_and_asked_once() {
    let mut world = world();
    let is_host = |world: &mut World, hint: Value| {
        world.call("isHost", &Value::object([("roomId", ROOM.into()), ("hint", hint)]))
    };
    let hinted = is_host(&mut world, true.into());
    assert_eq!(world.result(hinted), Some(&Ok(true.into())));
    let asked = [is_host(&mut world, Value::Null), is_host(&mut world, Value::Null)];
    assert_eq!((functions(&world), room(&world, "isHost")), (vec!["get_live_room"], Value::Null));
    world.answer(read(false, session("s1", STREAM, "live")));
    for call in asked {
        assert_eq!(world.result(call), Some(&Ok(false.into())));
    }
    assert_eq!(room(&world, "session").text("stream_id"), Some(STREAM));
    let late = is_host(&mut world, true.into());
    assert_eq!(world.result(late), Some(&Ok(false.into())), "the database's word stands");
    // Somebody else signs in: that is another question.
    world.handle(Input::User { id: Some("ana".to_owned()) });
    world.handle(Input::User { id: Some("ben".to_owned()) });
    let other = is_host(&mut world, Value::Null);
    world.answer(read(true, Value::Null));
    assert_eq!(world.result(other), Some(&Ok(true.into())));
}

#[test]
fn an_unknown_room_is_not_found() {
    let mut world = world();
    let call = room_call(&mut world, "isHost");
    world.answer(ok("not_found"));
    let error = world.result(call).unwrap().as_ref().unwrap_err();
    assert_eq!((error.code, error.message.as_str()), (Code::NotFound, "there is no such room"));
}

#[test]
fn my_room_is_known_from_then_on() {
    let mut world = world();
    let call = world.call("myRoom", &Value::object([]));
    let body =
        [("id", ROOM.into()), ("status", "idle".into()), ("is_host", true.into()), ("current_session", Value::Null)];
    world.answer(http(Value::object(body)));
    assert!(world.result(call).unwrap().is_ok());
    let host = room_call(&mut world, "isHost");
    assert_eq!((world.result(host), world.sent.len()), (Some(&Ok(true.into())), 1));
    let portal = world.call("myRoom", &Value::object([]));
    world.answer(ok("live"));
    assert_eq!(world.result(portal).unwrap().as_ref().unwrap_err().code, Code::Rejected);
}

#[test]
fn what_ends_by_any_other_way_ends_the_session_here_too() {
    let mut world = hosting(world());
    world.renewal_answer = Some(ok("ended"));
    world.pass(20_000);
    assert_eq!((world.status(STREAM).as_str(), room(&world, "session")), ("ended", Value::Null));
    let call = room_call(&mut world, "endRoom");
    world.answer(ok("already_ended"));
    assert!(world.result(call).unwrap().as_ref().unwrap().flag("already"));
}

#[test]
fn arguments_are_checked_by_name() {
    use streamkeeper::engine::Action;
    let bad = [
        ("goLive", Value::object([("roomId", "x".into())]), "roomId is \"x\"; it must be a UUID"),
        ("endRoom", Value::object([]), "roomId is null; it must be a UUID"),
        ("isHost", Value::object([("roomId", ROOM.into()), ("hint", 1.into())]), "hint is 1; it must be true or false"),
    ];
    for (method, arguments, message) in bad {
        let error = Action::parse(method, &arguments).unwrap_err();
        assert_eq!(error.code, Code::InvalidArgument);
        assert!(error.message.starts_with(message), "{error}");
    }
    for (option, value) in [
        ("title", Value::from("x".repeat(201))),
        ("idempotencyKey", "".into()),
        ("takeOver", "yes".into()),
        ("tilte", 1.into()),
    ] {
        let options = Value::object([(option, value)]);
        let error =
            Action::parse("goLive", &Value::object([("roomId", ROOM.into()), ("options", options)])).unwrap_err();
        assert!(error.message.starts_with(&format!("options.{option} is ")), "{error}");
    }
}

#[test]
fn dispose_settles_what_waits() {
    let mut world = world();
    let calls =
        [go_live(&mut world, Value::Null), room_call(&mut world, "isHost"), world.call("myRoom", &Value::object([]))];
    world.handle(Input::Dispose);
    for call in calls {
        assert_eq!(world.result(call).unwrap().as_ref().unwrap_err().code, Code::Disposed);
        assert_eq!(world.settled[&call].len(), 1);
    }
}

fn listing(world: &World, field: &str) -> Value {
    let snapshot = world.manager.snapshot();
    snapshot.get("listing").and_then(|listing| listing.get(field)).cloned().unwrap_or_default()
}

fn rows(rows: Vec<Value>) -> Answer {
    Answer::Http { status: 200, body: Some(Value::List(rows)) }
}

#[test]
fn without_a_gateway_the_listing_is_asked_for_while_somebody_looks() {
    let mut world = world();
    world.pass(60_000);
    assert_eq!((world.sent.len(), listing(&world, "status")), (0, "off".into()));
    world.handle(Input::WatchListing(true));
    world.handle(Input::WatchListing(true));
    world.answer(rows(vec![session("s1", STREAM, "live")]));
    assert_eq!((functions(&world), listing(&world, "status")), (vec!["live_room_listing"], "polling".into()));
    assert_eq!(listing(&world, "sessions"), Value::List(vec![session("s1", STREAM, "live")]));
    world.pass(15_000);
    world.answer(Answer::Unreachable);
    assert!(listing(&world, "lastError").as_text().is_some());
    assert_ne!(listing(&world, "sessions"), Value::List(vec![]), "what was known stays");
    world.handle(Input::RefreshListing);
    assert_eq!(world.sent.len(), 3);
    world.answer(rows(vec![]));
    // Nobody sees it: nobody asks.
    world.page(PageEvent::Hidden);
    world.pass(600_000);
    assert_eq!(world.sent.len(), 3);
    world.page(PageEvent::Visible);
    assert_eq!(world.sent.len(), 4);
    world.answer(rows(vec![]));
    world.handle(Input::WatchListing(false));
    world.handle(Input::WatchListing(false));
    world.pass(600_000);
    assert_eq!((world.sent.len(), listing(&world, "status")), (4, "off".into()));
}

#[test]
fn with_a_gateway_the_listing_is_pushed_and_asked_for_only_in_a_gap() {
    let mut world = with_gateway();
    world.handle(Input::WatchListing(true));
    assert_eq!((world.feed, world.sent.len(), listing(&world, "status")), (true, 0, "connecting".into()));
    world.handle(Input::Feed(FeedEvent::Rows(vec![session("s1", STREAM, "live")])));
    for _ in 0..40 {
        world.pass(15_000);
        world.handle(Input::Feed(FeedEvent::Alive));
    }
    world.handle(Input::RefreshListing);
    assert_eq!((world.sent.len(), listing(&world, "status")), (0, "live".into()));
    // Whoever hurries does not give up what is only opening, nor what is open.
    world.handle(Input::Feed(FeedEvent::Lost));
    assert_eq!(
        (world.feed, functions(&world), listing(&world, "status")),
        (false, vec!["live_room_listing"], "polling".into())
    );
    world.answer(rows(vec![]));
    assert_eq!(listing(&world, "sessions"), Value::List(vec![]));
    world.pass(3_000);
    assert_eq!((world.feed, listing(&world, "status")), (true, "connecting".into()));
    // It neither comes nor fails: asked for once more, and opened again.
    world.pass(10_000);
    assert_eq!(world.sent.len(), 2);
    world.pass(4_000);
    assert!(world.feed);
    world.handle(Input::Feed(FeedEvent::Rows(vec![])));
    assert!(world.in_flight.is_empty(), "an asking that the feed has overtaken is given up");
    world.page(PageEvent::Offline);
    assert!(!world.feed);
    world.page(PageEvent::Online);
    assert!(world.feed);
}

#[test]
fn rooms_follow_the_listing_but_for_what_this_page_holds() {
    let mut world = with_gateway();
    let call = room_call(&mut world, "isHost");
    world.answer(read(false, Value::Null));
    assert!(world.result(call).is_some());
    world.handle(Input::WatchListing(true));
    world.handle(Input::Feed(FeedEvent::Rows(vec![session("s0", OTHER, "live")])));
    assert_eq!((room(&world, "status"), room(&world, "session").text("stream_id")), ("live".into(), Some(OTHER)));
    world.handle(Input::Feed(FeedEvent::Rows(vec![])));
    assert_eq!((room(&world, "status"), room(&world, "session")), ("idle".into(), Value::Null));
    // Somebody waits in a lobby, and then it begins.
    world.handle(Input::Feed(FeedEvent::Rows(vec![session("s1", OTHER, "lobby")])));
    assert_eq!((room(&world, "status"), room(&world, "session").text("status")), ("idle".into(), Some("scheduled")));
    world.handle(Input::Feed(FeedEvent::Rows(vec![session("s1", OTHER, "live")])));
    assert_eq!(room(&world, "status"), "live".into());
    world.handle(Input::Feed(FeedEvent::Rows(vec![])));
    go_live(&mut world, Value::Null);
    world.answer(live());
    // Made before this page went live, and late.
    world.handle(Input::Feed(FeedEvent::Rows(vec![])));
    assert_eq!(room(&world, "status"), "live".into());
}

#[test]
fn what_the_outbox_owes_goes_out_when_the_network_is_back() {
    let mut world = hosting(world());
    let call = room_call(&mut world, "endRoom");
    world.renewal_answer = Some(Answer::Unreachable);
    while world.result(call).is_none() {
        world.answer(Answer::Unreachable);
        world.pass(1_000);
    }
    let before = world.sent.len();
    world.page(PageEvent::Offline);
    world.page(PageEvent::Online);
    assert!(world.sent.len() > before, "not at some deadline of its own");
}

#[test]
fn a_feed_that_falls_silent_is_lost_and_one_that_is_hurried_while_it_opens_is_not() {
    let mut world = with_gateway();
    world.handle(Input::WatchListing(true));
    for _ in 0..20 {
        world.handle(Input::RefreshListing);
        world.pass(100);
    }
    assert_eq!((world.feed, listing(&world, "status")), (true, "connecting".into()));
    world.handle(Input::Feed(FeedEvent::Rows(vec![])));
    world.pass(44_000);
    assert_eq!(listing(&world, "status"), "live".into());
    world.pass(1_000);
    assert_ne!(listing(&world, "status"), "live".into());
}

#[test]
fn an_older_list_brings_nothing_back_that_has_ended_here() {
    let mut world = hosting(world());
    world.handle(Input::WatchListing(true));
    let call = room_call(&mut world, "endRoom");
    // The list was asked for before the end, and comes after it.
    assert_eq!(functions(&world), ["live_room_listing", "live_room_end"]);
    let asked = world.in_flight.remove(0);
    world.answer(ok("ended"));
    assert!(world.result(call).unwrap().is_ok());
    world.handle(Input::Answer { request: asked.request, answer: rows(vec![session("s1", STREAM, "live")]) });
    assert_eq!((room(&world, "status"), room(&world, "session")), ("idle".into(), Value::Null));
    assert_eq!(world.sent.last().unwrap().rpc.function, "live_room_listing", "asked anew");
    world.answer(rows(vec![session("s1", STREAM, "live")]));
    assert_eq!(room(&world, "session"), Value::Null);
}

#[test]
fn whoever_ends_a_room_that_is_just_going_live_has_the_last_word() {
    // The answer comes, and what has begun is ended.
    let mut world = world();
    let going = go_live(&mut world, Value::Null);
    let ending = room_call(&mut world, "endRoom");
    assert_eq!(functions(&world), ["live_room_create_session"]);
    world.answer(live());
    assert!(world.result(going).unwrap().is_ok());
    assert_eq!(functions(&world), ["live_room_create_session", "live_room_end"]);
    world.answer(ok("ended"));
    assert_eq!(world.result(ending).unwrap().as_ref().unwrap().text("status"), Some("ended"));
    assert_eq!((world.status(STREAM).as_str(), room(&world, "status")), ("ended", "idle".into()));

    // The answer is lost: nothing more is tried, and whatever is open is ended.
    let mut world = World::new();
    let going = go_live(&mut world, Value::Null);
    let ending = room_call(&mut world, "endRoom");
    world.answer(Answer::Unreachable);
    assert!(world.result(going).unwrap().is_err());
    assert_eq!(world.sent.last().unwrap().rpc.function, "live_room_end");
    world.answer(ok("ended"));
    assert!(world.result(ending).unwrap().is_ok());
    world.pass(60_000);
    assert_eq!((world.sent.len(), room(&world, "status")), (2, "idle".into()));

    // Between two tries: the next one is not made.
    let mut world = World::new();
    let going = go_live(&mut world, Value::Null);
    world.answer(Answer::Unreachable);
    room_call(&mut world, "endRoom");
    assert_eq!(world.result(going).unwrap().as_ref().unwrap_err().code, Code::Conflict);
    world.answer(ok("already_ended"));
    world.pass(60_000);
    assert_eq!(functions(&world), ["live_room_create_session", "live_room_end"]);
}

#[test]
fn what_had_ended_under_a_key_of_ours_is_not_what_was_asked_for() {
    let mut world = World::with(Value::object([("maxAttempts", 1.into())]));
    go_live(&mut world, Value::Null);
    world.answer(Answer::Unreachable);
    let again = go_live(&mut world, Value::Null);
    // The first one had been made, and is over by now.
    world.answer(http(session("s0", OTHER, "ended")));
    assert_eq!((world.result(again), world.sent.len()), (None, 3));
    world.answer(live());
    assert_eq!(world.result(again).unwrap().as_ref().unwrap().text("id"), Some("s1"));
    let keys: Vec<_> = world.sent.iter().map(|sent| sent.rpc.arguments.text("p_idempotency_key").unwrap()).collect();
    assert_eq!((keys[0], keys[0] == keys[2]), (keys[1], false));
}

#[test]
fn a_key_is_not_used_again_for_what_nobody_holds_any_more() {
    let mut world = World::with(Value::object([("maxAttempts", 1.into())]));
    go_live(&mut world, Value::Null);
    world.answer(Answer::Unreachable);
    world.pass(90_000);
    go_live(&mut world, Value::Null);
    let key = |at: usize| world.sent[at].rpc.arguments.text("p_idempotency_key").unwrap();
    assert_ne!(key(0), key(1));
}

#[test]
fn whoever_signs_out_does_not_go_live() {
    let mut world = world();
    world.handle(Input::User { id: Some("ana".to_owned()) });
    let going = go_live(&mut world, Value::Null);
    let asked = world.sent[0].request;
    world.call("disconnectUser", &Value::object([]));
    assert_eq!(world.result(going).unwrap().as_ref().unwrap_err().code, Code::Conflict);
    assert!(world.aborted.contains(&asked));
    world.handle(Input::Answer { request: asked, answer: live() });
    world.pass(60_000);
    assert_eq!((world.status(STREAM).as_str(), room(&world, "status"), world.sent.len()), ("", "idle".into(), 1));
}

#[test]
fn who_is_host_is_asked_again_for_whoever_signs_in() {
    let mut world = world();
    let asked = room_call(&mut world, "isHost");
    world.answer(read(false, Value::Null));
    assert_eq!(world.result(asked), Some(&Ok(false.into())));
    // As nobody, it turns out.
    world.handle(Input::User { id: Some("ana".to_owned()) });
    assert_eq!(room(&world, "isHost"), Value::Null);
    let asked = room_call(&mut world, "isHost");
    // While it is on its way somebody else takes the place: the answer is not theirs.
    let late = world.in_flight.remove(0);
    world.handle(Input::User { id: Some("ben".to_owned()) });
    world.handle(Input::Answer { request: late.request, answer: read(true, Value::Null) });
    assert_eq!((world.result(asked), room(&world, "isHost")), (None, Value::Null));
    world.answer(read(false, Value::Null));
    assert_eq!(world.result(asked), Some(&Ok(false.into())));
}

#[test]
fn a_host_whose_reload_met_an_outage_is_told_later() {
    let mut world = world();
    let asked = room_call(&mut world, "isHost");
    world.answer_error(503, "PGRST001");
    assert!(world.result(asked).unwrap().is_err());
    world.pass(3_000);
    assert_eq!(functions(&world), ["get_live_room", "get_live_room"]);
    world.answer(Answer::Unreachable);
    world.page(PageEvent::Offline);
    world.pass(600_000);
    assert_eq!(world.sent.len(), 2);
    world.page(PageEvent::Online);
    world.answer(read(true, session("s1", STREAM, "live")));
    assert_eq!((room(&world, "isHost"), room(&world, "lastError")), (true.into(), Value::Null));
}

#[test]
fn a_late_reading_does_not_hide_what_is_live_here() {
    let mut world = world();
    world.call("myRoom", &Value::object([]));
    let late = world.in_flight.remove(0);
    let call = go_live(&mut world, Value::Null);
    world.answer(live());
    assert!(world.result(call).unwrap().is_ok());
    let idle =
        [("id", ROOM.into()), ("status", "idle".into()), ("is_host", true.into()), ("current_session", Value::Null)];
    world.handle(Input::Answer { request: late.request, answer: http(Value::object(idle)) });
    assert_eq!(room(&world, "status"), "live".into());
}

#[test]
fn the_late_end_of_an_earlier_session_is_not_the_end_of_the_next() {
    let mut world = hosting(world());
    let first = room_call(&mut world, "endRoom");
    while world.result(first).is_none() {
        world.answer(Answer::Unreachable);
        world.renewal_answer = Some(Answer::Unreachable);
        world.pass(1_000);
    }
    go_live(&mut world, Value::object([("takeOver", true.into())]));
    world.answer(http(session("s2", OTHER, "live")));
    let second = room_call(&mut world, "endRoom");
    world.page(PageEvent::Online);
    let of = |session: &str, world: &mut World| {
        let at = world.in_flight.iter().position(|sent| sent.rpc.arguments.text("p_session_id") == Some(session));
        world.in_flight.remove(at.unwrap()).request
    };
    let (late, next) = (of("s1", &mut world), of("s2", &mut world));
    world.handle(Input::Answer { request: late, answer: ok("ended") });
    assert_eq!(world.result(second), None);
    world.handle(Input::Answer { request: next, answer: error(403, "42501") });
    assert_eq!(world.result(second).unwrap().as_ref().unwrap_err().code, Code::NotAllowed);
}

#[test]
fn what_went_wrong_stays_to_be_read() {
    let mut world = world();
    go_live(&mut world, Value::Null);
    world.answer(conflict());
    world.answer(read(true, session("s0", OTHER, "live")));
    assert!(room(&world, "lastError").as_text().is_some_and(|error| error.contains("PT409")));
}

#[test]
fn without_a_network_an_end_is_queued_at_once() {
    let mut world = hosting(world());
    world.page(PageEvent::Offline);
    let call = room_call(&mut world, "endRoom");
    world.answer(Answer::Unreachable);
    assert_eq!(world.result(call).unwrap().as_ref().unwrap().text("status"), Some("queued"));
    world.page(PageEvent::Online);
    world.answer(ok("ended"));
    assert_eq!((world.status(STREAM).as_str(), room(&world, "session"), world.stored.len()), ("ended", Value::Null, 0));
}

#[test]
fn the_end_of_an_unknown_session_is_tried_as_often_as_any() {
    let mut world = with_gateway();
    let call = room_call(&mut world, "endRoom");
    for _ in 0..3 {
        world.answer(Answer::Unreachable);
        world.pass(3_000);
    }
    assert_eq!(world.result(call).unwrap().as_ref().unwrap_err().code, Code::Offline);
    let routes: Vec<bool> = world.sent.iter().map(|sent| sent.rpc.route.is_some()).collect();
    assert_eq!(routes, [true, false, false]);
}

#[test]
fn rows_and_sessions_without_their_ids_are_not_the_backends() {
    let mut world = world();
    world.handle(Input::WatchListing(true));
    let listing = |world: &World| world.manager.snapshot().get("listing").cloned().unwrap_or_default();
    world.answer(http(Value::List(vec![Value::Null, session("s1", STREAM, "live")])));
    assert_eq!(listing(&world).get("sessions"), Some(&Value::List(vec![])));
    assert!(listing(&world).text("lastError").is_some_and(|error| error.contains("not the backend's own")));
    let _ = room_call(&mut world, "isHost");
    world.answer(read(true, Value::object([("status", "live".into()), ("stream_id", STREAM.into())])));
    assert_eq!((room(&world, "status"), room(&world, "session")), ("idle".into(), Value::Null));
    let call = go_live(&mut world, Value::Null);
    world.answer(http(Value::object([("status", "live".into()), ("stream_id", STREAM.into())])));
    assert_eq!(world.result(call), None, "it is asked for again");
    world.pass(1_000);
    world.answer(live());
    assert!(world.result(call).is_some_and(Result::is_ok));
}

#[test]
fn a_backend_that_only_has_ended_sessions_is_not_asked_without_end() {
    let mut world = world();
    let call = go_live(&mut world, Value::Null);
    let mut answers = 0;
    while world.answer(http(session("s1", STREAM, "ended"))) {
        answers += 1;
        assert!(answers < 50, "asked and asked");
    }
    assert_eq!((answers, world.result(call).is_some()), (10, true));
    assert_eq!(room(&world, "status"), "idle".into());
}
