//! How a stream is held: leases, and what ends it elsewhere.

use engine_tests::{STREAM, World, error, ok};
use streamkeeper::engine::{Answer, Input, PageEvent, Value};

fn seconds(world: &World) -> Vec<u32> {
    let seconds = |value: Option<&Value>| match value {
        Some(Value::Number(number)) => *number as u32,
        other => panic!("{other:?}"),
    };
    world.renewals.iter().map(|sent| seconds(sent.rpc.arguments.get("p_lease_seconds"))).collect()
}

#[test]
fn a_hosted_stream_is_held_every_20_seconds_under_this_pages_name() {
    let mut world = World::new();
    world.host();
    let start = world.now;
    world.pass(60_000);
    assert_eq!(world.renewals.iter().map(|sent| sent.at - start).collect::<Vec<_>>(), [0, 20_000, 40_000, 60_000]);
    assert_eq!(seconds(&world), [90; 4]);
    let first = &world.renewals[0].rpc;
    assert_eq!(first.arguments.text("p_holder"), Some("holder"));
    assert!(first.keepalive && world.renewals.iter().all(|sent| sent.fresh_token));
}

#[test]
fn starting_holds_and_watching_does_not() {
    let mut world = World::new();
    world.attach(STREAM, "viewer");
    world.pass(60_000);
    assert_eq!(world.renewals.len(), 0);
    world.call("startStream", &Value::object([("streamId", STREAM.into())]));
    let body = Value::object([("status", "live".into()), ("stream_id", STREAM.into())]);
    world.answer(Answer::Http { status: 200, body: Some(body) });
    assert_eq!(world.renewals.len(), 1);
}

#[test]
fn the_lease_follows_the_page() {
    let mut world = World::new();
    world.host();
    for event in [
        PageEvent::Hidden,
        PageEvent::Freeze,
        PageEvent::Resume,
        PageEvent::Visible,
        PageEvent::PageHide { persisted: true },
        PageEvent::PageShow,
        PageEvent::PageHide { persisted: false },
    ] {
        world.page(event);
    }
    assert_eq!(seconds(&world), [90, 300, 600, 300, 90, 600, 90, 30]);
    // A closed tab is told that it is hidden after its pagehide: no reason to ask for more.
    world.page(PageEvent::Hidden);
    world.page(PageEvent::Freeze);
    assert_eq!(world.renewals.len(), 8);
    world.page(PageEvent::Resume);
    world.page(PageEvent::Visible);
    world.page(PageEvent::PageHide { persisted: true });
    world.page(PageEvent::Hidden);
    assert_eq!(seconds(&world).split_off(8), [300, 90, 600]);
    // What may be the page's last word goes out with the token at hand.
    let at_hand: Vec<bool> = world.renewals.iter().take(8).map(|sent| !sent.fresh_token).collect();
    assert_eq!(at_hand, [false, true, true, false, false, true, false, true]);
}

#[test]
fn a_page_that_goes_says_so_only_if_it_is_to() {
    for (policy, renewals) in [("grace", 2), ("keep", 1), ("end", 1)] {
        let mut world = World::with(Value::object([("onPageHide", policy.into()), ("hostGrace", 1_500_u32.into())]));
        world.host();
        world.page(PageEvent::PageHide { persisted: false });
        assert_eq!(world.renewals.len(), renewals, "{policy}");
        if renewals == 2 {
            assert_eq!(seconds(&world)[1], 2, "rounded up");
        }
    }
    let mut world = World::with(Value::object([("hostGrace", 2_147_483_647_u32.into())]));
    world.host();
    world.page(PageEvent::PageHide { persisted: false });
    assert_eq!(seconds(&world)[1], 900, "no more than the database gives");
}

#[test]
fn an_outage_is_outlasted_and_the_network_renews_at_once() {
    let mut world = World::new();
    world.renewal_answer = Some(Answer::Unreachable);
    world.host();
    world.pass(40_000);
    assert_eq!(world.renewals.len(), 3);
    world.renewal_answer = None;
    world.pass(65_000);
    assert_eq!(
        world.renewals.len(),
        5,
        "one that hangs is given up after its timeout, and 20 s later there is another"
    );
    world.renewal_answer = Some(ok("live"));
    world.page(PageEvent::Online);
    assert_eq!((world.renewals.len(), world.status(STREAM).as_str()), (6, "live"));
}

#[test]
fn what_was_ended_elsewhere_is_over_here_and_the_meeting_hangs_up() {
    let mut world = World::new();
    let meeting = world.host();
    world.renewal_answer = Some(ok("ended"));
    world.pass(20_000);
    assert_eq!((world.status(STREAM).as_str(), world.count("end")), ("ended", 1));
    let last = world.events.iter().rfind(|(name, _)| *name == "end").map(|(_, data)| data.flag("elsewhere"));
    assert_eq!((last, world.hung_up.as_slice()), (Some(true), [meeting].as_slice()));
    // The meeting obeys; nothing is ended again, nothing revived, nothing held.
    world.emit(meeting, "readyToClose");
    world.pass(3_600_000);
    assert_eq!((world.sent.len(), world.renewals.len(), world.count("end")), (0, 2, 1));
}

#[test]
fn our_own_end_is_not_taken_for_somebody_elses() {
    let mut world = World::new();
    let meeting = world.host();
    world.renewal_answer = None;
    world.pass(20_000);
    let renewal = world.renewals[1].clone();
    world.emit(meeting, "hangup");
    world.handle(Input::Answer { request: renewal.request, answer: ok("ended") });
    assert_eq!((world.status(STREAM).as_str(), world.count("end")), ("ending", 0));
    world.answer_ok("ended");
    let elsewhere: Vec<bool> =
        world.events.iter().filter(|(name, _)| *name == "end").map(|(_, data)| data.flag("elsewhere")).collect();
    assert_eq!((elsewhere, world.hung_up.len()), (vec![false], 0));
}

#[test]
fn a_stream_that_is_not_ours_is_not_held_and_goes_on_here() {
    for answer in [error(403, "42501"), ok("not_found")] {
        let mut world = World::new();
        world.renewal_answer = Some(answer);
        world.host();
        world.pass(3_600_000);
        assert_eq!((world.renewals.len(), world.status(STREAM).as_str()), (1, "live"));
    }
}

#[test]
fn an_expired_token_is_replaced_for_a_renewal_too() {
    let mut world = World::new();
    world.renewal_answer = None;
    world.host();
    let first = world.renewals[0].request;
    world.handle(Input::Answer { request: first, answer: error(401, "PGRST303") });
    assert_eq!(world.renewals.len(), 2);
    let second = world.renewals[1].request;
    world.handle(Input::Answer { request: second, answer: ok("live") });
    world.pass(20_000);
    assert_eq!(world.renewals.len(), 3);
}

#[test]
fn what_leaves_is_held_and_what_ends_is_not() {
    let mut world = World::with(Value::object([("leaveGrace", 50_000_u32.into())]));
    let meeting = world.host();
    world.emit(meeting, "videoConferenceLeft");
    world.pass(49_000);
    assert_eq!(world.renewals.len(), 3);
    world.pass(1_000);
    world.answer_ok("ended");
    world.pass(100_000);
    assert_eq!(world.renewals.len(), 3);
}

#[test]
fn dispose_leaves_the_stream_to_whoever_holds_it_next() {
    let mut world = World::new();
    world.host();
    world.handle(Input::Dispose);
    assert_eq!(seconds(&world), [90, 30]);
    assert_eq!(world.manager.next_wakeup(), None);
}

#[test]
fn the_browser_is_kept_awake_while_a_stream_is_hosted() {
    let mut world = World::new();
    let awake = |world: &World| (world.awake.page, world.awake.screen);
    world.attach("1d7c1f6e-5a53-4a4e-9c39-6f2d1b0c9a11", "viewer");
    assert_eq!(awake(&world), (false, false));
    let meeting = world.host();
    assert_eq!(awake(&world), (true, true));
    world.page(PageEvent::Hidden);
    assert_eq!(awake(&world), (true, false));
    world.page(PageEvent::Visible);
    world.emit(meeting, "hangup");
    assert_eq!(awake(&world), (false, false));

    let mut world = World::new();
    world.host();
    world.handle(Input::Dispose);
    assert_eq!(awake(&world), (false, false));
}

#[test]
fn a_renewal_that_is_overtaken_is_given_up_and_never_sent_again() {
    let mut world = World::new();
    world.renewal_answer = None;
    world.host();
    // Still waiting for its token, say, when the page is hidden.
    let first = world.renewals[0].request;
    world.page(PageEvent::Hidden);
    assert_eq!((seconds(&world), world.aborted.as_slice()), (vec![90, 300], [first].as_slice()));
    world.handle(Input::Answer { request: first, answer: error(401, "PGRST303") });
    world.handle(Input::Answer { request: first, answer: ok("not_found") });
    assert_eq!(world.renewals.len(), 2);
    world.page(PageEvent::Visible);
    assert_eq!((seconds(&world).last(), world.aborted.len()), (Some(&90), 2));
}

#[test]
fn a_renewal_from_before_the_start_does_not_take_the_lease_away() {
    let mut world = World::new();
    world.renewal_answer = None;
    world.host();
    let early = world.renewals[0].request;
    world.call("startStream", &Value::object([("streamId", STREAM.into())]));
    let body = Value::object([("status", "live".into()), ("stream_id", STREAM.into())]);
    world.answer(Answer::Http { status: 200, body: Some(body) });
    assert_eq!((world.renewals.len(), world.aborted.as_slice()), (2, [early].as_slice()));
    world.handle(Input::Answer { request: early, answer: ok("not_found") });
    world.handle(Input::Answer { request: world.renewals[1].request, answer: ok("live") });
    world.pass(20_000);
    assert_eq!(world.renewals.len(), 3);
}
