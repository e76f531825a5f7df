//! Who is there: what counts as the first and the last, and when an event begins.

use serde_json::json;

use crate::stage::Stage;

fn said(signals: &[(&str, i64)]) -> Vec<(String, i64)> {
    signals.iter().map(|(signal, generation)| ((*signal).to_owned(), *generation)).collect()
}

#[tokio::test]
async fn the_first_viewer_begins_it_and_the_last_one_of_all_nodes_leaves_it_empty() {
    let mut stage = Stage::new().await;
    stage.is("scheduled", 0).await;
    let mut signals = stage.listen().await;
    assert_eq!(stage.first("a").await["generation"], 1);
    assert_eq!(signals.heard().await, said(&[("event_started", 1), ("viewer_first", 1)]));
    stage.is("live", 1).await;

    assert_eq!(stage.first("b").await["ends_in_seconds"], json!(null));
    assert_eq!(stage.last("a").await["ends_in_seconds"], json!(null), "somebody is at the other node");
    assert_eq!(signals.heard().await, []);
    let left = stage.last("b").await;
    assert_eq!(left["status"], "live");
    assert!(left["ends_in_seconds"].as_u64().is_some_and(|seconds| seconds <= 30), "{left}");
    assert_eq!(signals.heard().await, said(&[("viewer_left_last", 1)]));
    assert_eq!(stage.see("(select empty_since is not null from events)").await, true);

    stage.first("b").await;
    assert_eq!(signals.heard().await, said(&[("viewer_first", 1)]));
    assert_eq!(stage.see("(select empty_since is null from events)").await, true);
}

#[tokio::test]
async fn what_a_node_says_twice_is_said_once() {
    let mut stage = Stage::new().await;
    stage.first("a").await;
    stage.first("a").await;
    let mut signals = stage.listen().await;
    stage.last("a").await;
    let empty_since = stage.see("(select empty_since from events)").await;
    stage.last("a").await;
    stage.last("b").await;
    assert_eq!(stage.see("(select empty_since from events)").await, empty_since, "the grace does not begin again");
    assert_eq!(signals.heard().await, said(&[("viewer_left_last", 1)]));
}

#[tokio::test]
async fn a_host_is_no_viewer_and_keeps_the_event() {
    let mut stage = Stage::new().await;
    stage.service("event_host_here('EVENT', 'a')").await;
    stage.is("live", 1).await;
    let mut signals = stage.listen().await;
    stage.first("b").await;
    stage.last("b").await;
    assert_eq!(signals.heard().await, said(&[("viewer_first", 1), ("viewer_left_last", 1)]));
    stage.pass(3600.0).await;
    assert_eq!(stage.sweep().await, (0, 0));
    let gone = stage.service("event_host_gone('EVENT', 'a')").await;
    assert!(gone["ends_in_seconds"].is_u64(), "{gone}");
    stage.pass(31.0).await;
    assert_eq!(stage.sweep().await, (1, 0));
    assert_eq!(signals.heard().await, said(&[("event_ended", 1)]));
    assert_eq!(stage.notices().await, json!([[1, "queued"]]));
}

#[tokio::test]
async fn viewers_who_are_early_wait_and_their_leaving_ends_nothing() {
    let mut stage = Stage::with(", p_starts_at => now() + interval '1 hour'").await;
    stage.first("a").await;
    stage.is("scheduled", 0).await;
    stage.last("a").await;
    stage.pass(1800.0).await;
    assert_eq!(stage.sweep().await, (0, 0));
    stage.is("scheduled", 0).await;

    stage.first("b").await;
    stage.pass(1801.0).await;
    assert_eq!(stage.sweep().await, (0, 0));
    stage.is("live", 1).await;
}

#[tokio::test]
async fn a_host_may_begin_early() {
    let mut stage = Stage::with(", p_starts_at => now() + interval '1 hour'").await;
    stage.service("event_host_here('EVENT', 'a')").await;
    stage.is("live", 1).await;
}

#[tokio::test]
async fn an_event_has_as_many_leases_as_nodes_with_viewers() {
    let mut stage = Stage::new().await;
    for _ in 0..3 {
        stage.first("a").await;
        stage.first("b").await;
    }
    stage.service("node_heartbeat('a', '{\"EVENT\": {\"viewers\": 1000000, \"users\": 900000}}')").await;
    stage.service("node_heartbeat('b', '{\"EVENT\": {\"viewers\": 5, \"users\": 4}}')").await;
    assert_eq!(stage.see("(select count(*) from streamkeeper.leases where kind = 'node')").await, 2);
    let viewers = stage.service("event_viewers('EVENT')").await;
    assert_eq!((&viewers["viewers"], &viewers["users"]), (&json!(1_000_005), &json!(900_004)));
}
