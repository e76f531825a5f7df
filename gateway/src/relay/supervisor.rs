//! Sees to it that a relay runs for as long as it should, and no longer. Each has its own: one that hangs keeps nobody waiting.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::registry::Registry;
use super::source::Source;

/// How long a relay has to stop by itself.
pub(super) const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// Until the first attempt to start a relay again that has failed; then twice as long, and so on.
const MIN_BACKOFF: Duration = Duration::from_millis(250);
const MAX_BACKOFF: Duration = Duration::from_secs(10);

/// Runs a relay until it is stopped, starting it again where it fails.
pub async fn run(registry: Arc<Registry>, source: Source, stop: CancellationToken) {
    let id = source.id;
    info!(relay = %id, "a relay begins");
    let mut backoff = MIN_BACKOFF;
    loop {
        // Each run has a token of its own: the clients of one that has failed are let go.
        let run = stop.child_token();
        let started = Instant::now();
        let Some(mut task) = registry.start(&source, run.clone()) else { break };
        let ended = tokio::select! {
            biased;
            () = stop.cancelled() => {
                finish(&registry, &source, task).await;
                break;
            }
            ended = &mut task => ended,
        };
        run.cancel();
        registry.failed(id, &stop);
        if started.elapsed() > MAX_BACKOFF {
            backoff = MIN_BACKOFF;
        }
        match ended {
            Ok(()) => error!(relay = %id, "a relay returned though nobody has stopped it: it is started again"),
            Err(why) => error!(relay = %id, why = what(&why), "a relay failed: it is started again"),
        }
        tokio::select! {
            () = stop.cancelled() => break,
            () = sleep(backoff) => backoff = (backoff * 2).min(MAX_BACKOFF),
        }
    }
    registry.gone(id);
    info!(relay = %id, "a relay is over");
}

/// Waits for a task that has been told to stop. What goes wrong is logged, and goes no further.
async fn finish(registry: &Registry, source: &Source, mut task: JoinHandle<()>) {
    let id = source.id;
    match timeout(STOP_PATIENCE, &mut task).await {
        Ok(Ok(())) => {}
        Ok(Err(why)) => {
            registry.counters().stop_failed(id.kind);
            warn!(relay = %id, why = what(&why), "a relay failed while it stopped");
        }
        Err(_) => {
            registry.counters().stop_failed(id.kind);
            warn!(relay = %id, "a relay did not stop in time: it is aborted");
            task.abort();
            // It is gone at its next await, if it has one.
            let _ = timeout(STOP_PATIENCE, task).await;
        }
    }
}

/// Not the panic's own words, which may quote anything.
fn what(why: &JoinError) -> &'static str {
    if why.is_panic() { "it panicked" } else { "it was aborted" }
}
