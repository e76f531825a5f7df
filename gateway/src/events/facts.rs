//! What is known of events, so that a thousand viewers who come at once are one question.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex as AsyncMutex;
use tokio::time::Instant;
use uuid::Uuid;

use super::kernel::{Facts, Kernel};
use crate::error::ApiError;

/// More than are asked for in a while, unless somebody makes ids up.
const MAX_KEPT: usize = 10_000;

/// What the database said of one event, and when. Whoever asks, holds it.
type Answer = Arc<AsyncMutex<Option<(Instant, Arc<Facts>)>>>;

/// Remembers for a few seconds.
#[derive(Debug)]
pub struct Known {
    kernel: Kernel,
    good_for: Duration,
    answers: Mutex<HashMap<Uuid, Answer>>,
}

impl Known {
    /// Of this database.
    pub fn new(kernel: Kernel, good_for: Duration) -> Self {
        Self { kernel, good_for, answers: Mutex::default() }
    }

    /// What is known of an event. While the database is away, what was known last.
    pub async fn of(&self, event: Uuid) -> Result<Arc<Facts>, ApiError> {
        let answer = self.answer(event);
        let mut answer = answer.lock().await;
        if let Some((at, facts)) = answer.as_ref()
            && at.elapsed() < self.good_for
        {
            return Ok(Arc::clone(facts));
        }
        match (self.kernel.facts(event).await, answer.as_ref()) {
            (Ok(facts), _) => {
                let facts = Arc::new(facts);
                *answer = Some((Instant::now(), Arc::clone(&facts)));
                Ok(facts)
            }
            (Err(error), Some((_, facts))) if error.status().is_server_error() => {
                let facts = Arc::clone(facts);
                // It is good for a while again: those who wait behind this one need not find out for themselves.
                *answer = Some((Instant::now(), Arc::clone(&facts)));
                Ok(facts)
            }
            (Err(error), _) => Err(error),
        }
    }

    /// It has changed.
    pub fn forget(&self, event: Uuid) {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).remove(&event);
    }

    fn answer(&self, event: Uuid) -> Answer {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= MAX_KEPT && !answers.contains_key(&event) {
            answers.clear();
        }
        Arc::clone(answers.entry(event).or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use sqlx::postgres::PgConnectOptions;
    use tokio::time::advance;

    use super::*;
    use crate::database::Database;

    #[tokio::test(start_paused = true)]
    async fn one_of_a_crowd_finds_out_that_the_database_is_away() {
        let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let options = PgConnectOptions::new().host("127.0.0.1").port(nobody.port());
        let database = Database::new(options, Duration::from_secs(2));
        let good_for = Duration::from_secs(5);
        let known = Known::new(Kernel { database, node: Uuid::new_v4() }, good_for);
        let event = Uuid::new_v4();
        let facts = Facts { host_user_id: "host".into(), is_public: true, may_join: true, ended_by: None };
        *known.answer(event).lock().await = Some((Instant::now(), Arc::new(facts)));
        advance(good_for).await;
        assert_eq!(known.of(event).await.unwrap().host_user_id, "host");
        let asked = Instant::now();
        assert_eq!(known.of(event).await.unwrap().host_user_id, "host");
        // Paused time goes on only for those who wait.
        assert_eq!(asked.elapsed(), Duration::ZERO);
    }
}
