//! Nodes that die, stop, stall and come back.

use database_tests::{Who, code, message};
use serde_json::{Value, json};

use crate::stage::{EVENT, Stage};

/// What the node is told of the event, when it says that so many viewers are there.
async fn heartbeat(stage: &mut Stage, node: &str, viewers: u32) -> Value {
    let call = format!("node_heartbeat('{node}', '{{\"EVENT\": {{\"viewers\": {viewers}, \"users\": {viewers}}}}}')");
    stage.service(&call).await["events"][EVENT].clone()
}

#[tokio::test]
async fn the_viewers_of_a_node_that_dies_are_gone_when_it_has_not_been_heard_for_15_seconds() {
    let mut stage = Stage::new().await;
    stage.first("a").await;
    stage.kill("a", 3.0).await;
    assert_eq!(stage.sweep().await, (0, 0));
    assert_eq!(stage.see("(select empty_since is null from events)").await, true);

    let mut signals = stage.listen().await;
    stage.kill("a", 40.0).await;
    assert_eq!(stage.sweep().await, (0, 0));
    assert_eq!(signals.heard().await, [("viewer_left_last".to_owned(), 1)]);
    assert_eq!(
        stage.see("(select e.viewers_gone_since - n.heartbeat_at = '15 s' from events e, streamkeeper.nodes n where n.id = 'a')").await,
        true
    );
    assert_eq!(stage.see("(select count(*) from streamkeeper.leases)").await, 0);
    // They have come back, to the other one.
    stage.first("b").await;
    stage.pass(60.0).await;
    assert_eq!(stage.sweep().await, (0, 0));
    stage.is("live", 1).await;
}

#[tokio::test]
async fn a_dead_node_takes_nobody_along_who_is_at_another_one() {
    let mut stage = Stage::new().await;
    stage.first("a").await;
    stage.first("b").await;
    stage.service("event_host_here('EVENT', 'a')").await;
    stage.kill("a", 600.0).await;
    assert_eq!(stage.sweep().await, (0, 0));
    assert_eq!(stage.see("(select count(*) from streamkeeper.leases)").await, 1);
    assert_eq!(
        stage.see("(select viewers_gone_since is null and host_gone_since is not null from events)").await,
        true
    );
    stage.is("live", 1).await;
}

#[tokio::test]
async fn an_event_whose_node_is_dead_and_whose_viewers_stay_away_ends_once_by_whoever_looks() {
    let mut stage = Stage::new().await;
    stage.first("a").await;
    stage.kill("a", 46.0).await;
    stage.pass(60.0).await;
    assert_eq!(stage.sweep().await, (1, 0));
    assert_eq!(stage.notices().await, json!([[1, "queued"]]));
}

#[tokio::test]
async fn a_node_that_stalls_says_again_what_was_forgotten() {
    let mut stage = Stage::new().await;
    stage.first("a").await;
    assert_eq!(heartbeat(&mut stage, "a", 3).await["held"], true);
    stage.kill("a", 20.0).await;
    stage.sweep().await;
    let now = heartbeat(&mut stage, "a", 3).await;
    assert_eq!((&now["held"], &now["over"], &now["status"]), (&json!(false), &json!(false), &json!("live")));
    stage.first("a").await;
    assert_eq!(heartbeat(&mut stage, "a", 3).await["held"], true);
    stage.is("live", 1).await;
}

#[tokio::test]
async fn a_host_who_was_forgotten_is_asked_for_whoever_else_is_known() {
    let mut stage = Stage::new().await;
    stage.service("event_host_here('EVENT', 'a')").await;
    stage.first("a").await;
    stage.kill("a", 20.0).await;
    stage.sweep().await;
    // A viewer has come in the meantime: of the host nobody has said anything.
    stage.first("a").await;
    let beat =
        "node_heartbeat('a', jsonb_build_object('EVENT', jsonb_build_object('viewers', 1, 'users', 1, 'host', true)))";
    let held = |said: &Value| said["events"][EVENT]["held"].clone();
    assert_eq!(held(&stage.service(beat).await), false);
    stage.service("event_host_here('EVENT', 'a')").await;
    assert_eq!(held(&stage.service(beat).await), true);
}

#[tokio::test]
async fn a_node_that_only_stalls_for_a_moment_has_lost_nothing() {
    let mut stage = Stage::new().await;
    stage.first("a").await;
    stage.kill("a", 20.0).await;
    // Heard before anybody has looked.
    assert_eq!(heartbeat(&mut stage, "a", 3).await["held"], true);
    assert_eq!(stage.sweep().await, (0, 0));
    assert_eq!(stage.see("(select empty_since is null from events)").await, true);
}

#[tokio::test]
async fn a_sweeper_that_meets_a_heartbeat_on_its_way_passes_over_its_node() {
    let mut stage = Stage::new().await;
    stage.first("a").await;
    stage.kill("a", 20.0).await;
    let mut node = stage.db.caller(Who::Service).await;
    node.execute("begin").await.unwrap();
    node.call("node_heartbeat('a')").await.unwrap();
    // It does not wait, or this would never end.
    assert_eq!(stage.sweep().await, (0, 0));
    assert_eq!(stage.see("(select empty_since is null from events)").await, true);
    node.execute("commit").await.unwrap();
    assert_eq!(stage.sweep().await, (0, 0));
    assert_eq!(stage.see("(select empty_since is null from events)").await, true);
}

#[tokio::test]
async fn a_node_that_stops_hands_its_viewers_over() {
    let mut stage = Stage::new().await;
    stage.first("a").await;
    let mut signals = stage.listen().await;
    stage.service("node_stop('a')").await;
    // Its sockets close.
    stage.last("a").await;
    stage.pass(600.0).await;
    stage.run("update streamkeeper.nodes set stopped_at = clock_timestamp() - interval '20 s' where id = 'a'").await;
    assert_eq!(stage.sweep().await, (0, 0));
    stage.first("b").await;
    stage.run("update streamkeeper.nodes set stopped_at = clock_timestamp() - interval '50 s' where id = 'a'").await;
    assert_eq!(stage.sweep().await, (0, 0));
    assert_eq!(signals.heard().await, [], "nobody has noticed anything");
    assert_eq!(stage.see("(select json_agg(holder) from streamkeeper.leases)").await, json!(["b"]));
    stage.is("live", 1).await;
}

#[tokio::test]
async fn viewers_who_do_not_arrive_anywhere_are_gone_when_the_hand_over_is_over() {
    let mut stage = Stage::new().await;
    stage.first("a").await;
    stage.service("node_stop('a')").await;
    stage.pass(600.0).await;
    stage.run("update streamkeeper.nodes set stopped_at = clock_timestamp() - interval '50 s' where id = 'a'").await;
    assert_eq!(stage.sweep().await, (0, 0));
    assert_eq!(
        stage.see("(select e.viewers_gone_since - n.stopped_at = '45 s' from events e, streamkeeper.nodes n where n.id = 'a')").await,
        true
    );
    stage.pass(31.0).await;
    assert_eq!(stage.sweep().await, (1, 0));
}

#[tokio::test]
async fn a_node_that_has_stopped_is_another_one_when_it_comes_back() {
    let mut stage = Stage::new().await;
    stage.service("node_stop('a')").await;
    let stopped = stage.see("(select stopped_at from streamkeeper.nodes where id = 'a')").await;
    stage.service("node_stop('a')").await;
    assert_eq!(stage.see("(select stopped_at from streamkeeper.nodes where id = 'a')").await, stopped);
    for call in ["node_heartbeat('a')", "event_viewer_first('EVENT', 'a')"] {
        let refused = stage.service_may_fail(call).await;
        assert_eq!(message(refused), "node a has stopped", "{call}");
        assert_eq!(code(stage.service_may_fail(call).await), "PT409", "{call}");
    }
    assert_eq!(code(stage.service_may_fail("node_stop('z')").await), "PT404");
}

#[tokio::test]
async fn a_heartbeat_is_told_of_its_events_and_counts_those_of_nodes_that_are_heard() {
    let mut stage = Stage::new().await;
    stage.first("a").await;
    stage.first("b").await;
    heartbeat(&mut stage, "b", 7).await;
    let now = heartbeat(&mut stage, "a", 3).await;
    let expected = json!({
        "status": "live", "generation": 1, "held": true, "over": false, "end_reason": null, "elsewhere": 7
    });
    assert_eq!(now, expected);
    stage.kill("b", 16.0).await;
    assert_eq!(heartbeat(&mut stage, "a", 3).await["elsewhere"], 0);
    assert_eq!(stage.service("event_viewers('EVENT') -> 'viewers'").await, 3);
    let totals = stage.service("event_totals()").await;
    assert_eq!((&totals["viewers"], &totals["events"], &totals["nodes"]), (&json!(3), &json!(1), &json!(1)));

    stage.user("host", "end_event('EVENT', 'enough')").await;
    let now = heartbeat(&mut stage, "a", 3).await;
    assert_eq!((&now["over"], &now["held"], &now["end_reason"]), (&json!(true), &json!(false), &json!("enough")));
    let unknown = "00000000-0000-4000-8000-0000000000ff";
    let call = format!("node_heartbeat('a', '{{\"{unknown}\": {{\"viewers\": 1, \"users\": 1}}}}')");
    let now = stage.service(&call).await["events"][unknown].clone();
    assert_eq!((&now["over"], &now["status"]), (&json!(true), &json!("not_found")));
}

#[tokio::test]
async fn nodes_of_yesterday_are_forgotten_once_nothing_hangs_on_them() {
    let mut stage = Stage::new().await;
    stage.first("a").await;
    stage.first("b").await;
    stage.kill("a", 90_000.0).await;
    stage.sweep().await;
    assert_eq!(stage.see("(select json_agg(id) from streamkeeper.nodes)").await, json!(["b"]));
    stage.is("live", 1).await;
}

#[tokio::test]
async fn leases_on_an_event_that_was_deleted_go_with_their_node() {
    let mut stage = Stage::new().await;
    stage.first("a").await;
    stage.service("event_host_here('EVENT', 'a')").await;
    stage.first("b").await;
    stage.run("delete from events").await;
    stage.kill("a", 90_000.0).await;
    stage.sweep().await;
    assert_eq!(stage.see("(select json_agg(holder) from streamkeeper.leases)").await, json!(["b"]));
    assert_eq!(stage.see("(select json_agg(id) from streamkeeper.nodes)").await, json!(["b"]));
}
