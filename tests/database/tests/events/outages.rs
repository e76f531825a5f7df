//! After a restart or an outage everybody has time to come back: what looks like absence is none.

use crate::stage::Stage;

/// An event that has been empty for ten minutes.
async fn empty() -> Stage {
    let mut stage = Stage::new().await;
    stage.first("a").await;
    stage.last("a").await;
    stage.pass(600.0).await;
    stage
}

/// The sweeper has been alive for so long; `sweep()` keeps that.
async fn alive_for(stage: &Stage, seconds: u32) {
    stage
        .run(&format!("update streamkeeper.sweeper set alive_since = clock_timestamp() - interval '{seconds} s', last_run_at = clock_timestamp()"))
        .await;
}

/// Without the stage's keeping everything alive for an hour.
async fn sweep(stage: &mut Stage) -> (u64, u64) {
    let swept = stage.see("sweep_events()").await;
    (swept["ended"].as_u64().unwrap(), swept["held_back"].as_u64().unwrap())
}

#[tokio::test]
async fn a_sweeper_waits_for_45_seconds_and_for_a_longer_grace_as_long_as_that() {
    for (grace, waits, ends) in [(30, 30, 50), (5, 20, 50), (120, 90, 125)] {
        let mut stage = empty().await;
        stage.run(&format!("update events set grace_seconds = {grace}")).await;
        stage.run("update streamkeeper.nodes set heartbeat_at = clock_timestamp()").await;
        alive_for(&stage, waits).await;
        assert_eq!(sweep(&mut stage).await, (0, 1), "{grace}");
        stage.is("live", 1).await;
        alive_for(&stage, ends).await;
        assert_eq!(sweep(&mut stage).await, (1, 0), "{grace}");
    }
}

#[tokio::test]
async fn whoever_comes_back_while_it_waits_has_never_been_away() {
    let mut stage = empty().await;
    alive_for(&stage, 1).await;
    stage.see("event_viewer_first('EVENT', 'b')").await;
    stage.is("live", 1).await;
    assert_eq!(stage.notices().await, serde_json::json!([]));
}

#[tokio::test]
async fn a_gap_in_the_sweepers_runs_lets_no_node_lapse_and_no_event_end() {
    let mut stage = Stage::new().await;
    stage.first("a").await;
    // The database was away for an hour, and the nodes have not come back yet.
    stage.pass(3600.0).await;
    stage.run("update streamkeeper.sweeper set last_run_at = clock_timestamp() - interval '1 hour'").await;
    stage.run("update streamkeeper.nodes set heartbeat_at = clock_timestamp() - interval '1 hour'").await;
    assert_eq!(sweep(&mut stage).await, (0, 0));
    assert_eq!(stage.see("(select count(*) from streamkeeper.leases)").await, 1);
    alive_for(&stage, 5).await;
    assert_eq!(sweep(&mut stage).await, (0, 0));
    assert_eq!(stage.see("(select count(*) from streamkeeper.leases)").await, 1);
    // Nobody is heard in the time that everybody has for it.
    alive_for(&stage, 20).await;
    assert_eq!(sweep(&mut stage).await, (0, 1));
    assert_eq!(stage.see("(select count(*) from streamkeeper.leases)").await, 0);
    stage.is("live", 1).await;
}

#[tokio::test]
async fn while_no_node_is_there_nobody_can_come_and_nothing_ends() {
    let mut stage = empty().await;
    stage.run("update streamkeeper.nodes set heartbeat_at = clock_timestamp() - interval '10 minutes'").await;
    alive_for(&stage, 3600).await;
    assert_eq!(sweep(&mut stage).await, (0, 1));
    // One boots: it is the only one, so it has to be there for a while.
    stage.see("node_heartbeat('c')").await;
    assert_eq!(sweep(&mut stage).await, (0, 1));
    stage.run("update streamkeeper.nodes set alone_at = clock_timestamp() - interval '20 s' where id = 'c'").await;
    assert_eq!(sweep(&mut stage).await, (0, 1));
    stage.run("update streamkeeper.nodes set alone_at = clock_timestamp() - interval '46 s', heartbeat_at = clock_timestamp() where id = 'c'").await;
    assert_eq!(sweep(&mut stage).await, (1, 0));
}

#[tokio::test]
async fn a_node_that_comes_to_others_changes_nothing() {
    let mut stage = empty().await;
    stage.boot("c").await;
    assert_eq!(stage.sweep().await, (1, 0));
}

#[tokio::test]
async fn a_single_node_that_is_replaced_was_away_meanwhile() {
    let mut stage = empty().await;
    stage.service("node_stop('a')").await;
    stage.service("node_stop('b')").await;
    stage.boot("c").await;
    assert_eq!(stage.sweep().await, (0, 1));
}

#[tokio::test]
async fn a_schedule_is_no_absence() {
    let mut stage = Stage::with(", p_scheduled_end_at => now() + interval '1 hour'").await;
    stage.first("a").await;
    stage.pass(3601.0).await;
    alive_for(&stage, 1).await;
    assert_eq!(sweep(&mut stage).await, (1, 0));
}
