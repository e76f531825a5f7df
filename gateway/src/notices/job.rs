//! The job of one notice: it holds nothing but the notice's id.

use std::time::Duration;

use graphile_worker::{IntoTaskHandlerResult, TaskHandler, WorkerContext};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;
use tracing::{error, info};
use uuid::Uuid;

use super::delivery::{Delivery, Task, take};
use super::{Notices, letter};
use crate::error::ApiError;

/// How long it is tried to write down that a mail has been sent: the next job would send it once more.
const WRITE_DOWN_TRIES: u32 = 60;
const WRITE_DOWN_PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, Deserialize, Serialize)]
pub struct EventNotice {
    notification_id: Uuid,
}

impl TaskHandler for EventNotice {
    const IDENTIFIER: &'static str = "event_notice";

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let notices = context.get_ext::<Notices>().ok_or("there is nobody to send it")?;
        let is_last = context.job().attempts() >= context.job().max_attempts();
        notify(notices, self.notification_id, is_last).await
    }
}

/// An error is what the queue keeps, and why it tries again.
async fn notify(notices: &Notices, notice: Uuid, is_last: bool) -> Result<(), String> {
    let delivery = match take(&notices.database, notice).await.map_err(away)? {
        Task::Nothing => return Ok(()),
        Task::Wait => return Err("another letter to this host is on its way".into()),
        Task::Write(delivery) => delivery,
    };
    let sent = send(notices, &delivery).await;
    notices.counters.notice(sent.is_ok());
    match sent {
        Ok(()) => {
            written_down(&notices.database, &delivery).await.map_err(away)?;
            info!(events = delivery.events(), "told the host of the end");
            Ok(())
        }
        Err(why) => {
            // The seed's line.
            error!("Failed to send event end notification for event {}: {why}", delivery.events());
            delivery.failed(&notices.database, &why, is_last).await.map_err(away)?;
            Err(why)
        }
    }
}

async fn send(notices: &Notices, delivery: &Delivery) -> Result<(), String> {
    let to = delivery.mailbox()?;
    let letter = letter::about(&delivery.endings, &delivery.key, &to, notices.frontend_url.as_deref());
    delivery.sending(&notices.database, &letter.subject).await.map_err(away)?;
    notices.mailer.send(&letter).await.map_err(|error| error.to_string())
}

async fn written_down(database: &crate::database::Database, delivery: &Delivery) -> Result<(), ApiError> {
    let mut tries = 0;
    loop {
        match delivery.sent(database).await {
            Err(error) if tries < WRITE_DOWN_TRIES && error.status().is_server_error() => tries += 1,
            done => return done,
        }
        sleep(WRITE_DOWN_PAUSE).await;
    }
}

fn away(error: ApiError) -> String {
    error.message().to_owned()
}
